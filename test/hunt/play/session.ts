import pg from 'pg';
import { renderStatement, type Statement } from '../hunt-case.ts';

/** What the database or role may say otherwise; the statements of a case are written for these. */
const PINNED: Readonly<Record<string, string>> = {
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  session_replication_role: 'origin',
  client_encoding: 'UTF8',
  datestyle: 'ISO, YMD',
  timezone: 'UTC',
  xmloption: 'content',
  transform_null_equals: 'off',
  search_path: '"$user", public',
  row_security: 'on',
  statement_timeout: '20s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '0',
};
/** Of later versions; an older one would refuse the session. */
const PINNED_SINCE: readonly (readonly [version: number, name: string])[] = [
  [14, 'idle_session_timeout'],
  [17, 'transaction_timeout'],
];

/** A connection as an application has it, on which statements may fail. */
export class Session {
  readonly #client: pg.Client;
  /** Statements that the database took, and those it refused. */
  taken = 0;
  refused = 0;
  /** What was refused, for whoever improves the generator. */
  readonly refusals: string[] = [];

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string, version: number, superuser: boolean): Promise<Session> {
    const later = PINNED_SINCE.filter(([since]) => since <= version).map(([, name]) => [name, '0']);
    const options = [...Object.entries(PINNED), ...later]
      // Only a superuser may set it, and only a superuser's default could be another one.
      .filter(([name]) => superuser || name !== 'session_replication_role')
      .map(([name, value]) => `-c ${name}=${value!.replaceAll(/([\\ ])/g, '\\$1')}`)
      .join(' ');
    const client = new pg.Client({ connectionString: url, options });
    client.on('error', () => undefined);
    await client.connect();
    return new Session(client);
  }

  /** Each by itself. */
  async each(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) await this.#attempt(statement, false);
  }

  /** In one transaction, in which those that fail are taken back; ended by a statement. */
  async together(statements: readonly Statement[], end: string): Promise<void> {
    await this.#client.query('BEGIN');
    for (const statement of statements) await this.#attempt(statement, true);
    await this.#client.query(end).catch(() => this.#client.query('ROLLBACK'));
  }

  async query<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    return (await this.#client.query<Row>(sql)).rows;
  }

  /** Throws where it fails. */
  async run(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  async #attempt(statement: Statement, inTransaction: boolean): Promise<void> {
    const sql = renderStatement(statement);
    try {
      if (inTransaction) await this.#client.query('SAVEPOINT s');
      await this.#client.query(sql);
      this.taken++;
    } catch (error) {
      if (inTransaction) await this.#client.query('ROLLBACK TO SAVEPOINT s');
      const smaller = withoutUnknownColumn(statement, error);
      if (smaller !== undefined) return this.#attempt(smaller, inTransaction);
      this.refused++;
      this.refusals.push(`${error instanceof Error ? error.message : String(error)}: ${sql.slice(0, 200)}`); // prettier-ignore
    }
  }
}

/** A column may be gone by now, also because the case is being made smaller. */
function withoutUnknownColumn(statement: Statement, error: unknown): Statement | undefined {
  const { cells } = statement;
  if (cells === undefined || !(error instanceof pg.DatabaseError) || error.code !== '42703')
    return undefined;
  const name = /^column "(.*)" of relation /s.exec(error.message)?.[1];
  const left = cells.filter(([column]) => column !== name);
  return left.length === cells.length ? undefined : { ...statement, cells: left };
}
