import type pg from 'pg';
import type { ConnectorLog } from '../../../shared/connector/connector.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { formatNamespace, qualifiedName, quoteIdent, quoteLiteral } from './names.ts';
import { toPostgresError } from './postgres-error.ts';
import type { PlanTarget } from './save-plan.ts';
import { maySequence } from './sequence-rights.ts';
import { toSequenceStatement } from './table-ddl.ts';
import type { SequenceDefinition, SideState, TableDefinition } from './table-definition.ts';
import { runDdl } from './target-ddl.ts';
import type { TargetName } from './target-names.ts';

type Standing = SideState['sequences'][number];

/**
 * Sets the target's sequences to where the source's stand, forward or back: a sequence may begin again, or be set to
 * anything. But only while it stands where it was set the last time; from then on that somebody uses it at the target it
 * only moves further, so that no number comes twice. Makes sequences that no column uses where they are missing.
 */
export class SequenceWriter {
  readonly #target: PlanTarget;
  readonly #log: ConnectorLog;
  /** Sentences, by the sequence at the source, of those that cannot be set. */
  readonly #problems = new Map<string, string>();

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#log = log;
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** Those that stand elsewhere than where they were set the last time. */
  async moved(client: pg.Client, sequences: readonly Standing[]): Promise<Standing[]> {
    if (sequences.length === 0) return [];
    const { rows } = await client.query<{ sequence: string; standing: string }>(
      'SELECT sequence, standing FROM weir.sequence WHERE pipeline = $1',
      [this.#target.pipeline],
    );
    const set = new Map(rows.map(({ sequence, standing }) => [sequence, standing]));
    return sequences.filter((each) => set.get(namespaceOf(each)) !== standingOf(each));
  }

  async set(
    client: pg.Client,
    tables: readonly TableDefinition[],
    stands: Standing,
  ): Promise<void> {
    const sql = await this.#find(client, tables, stands);
    if (sql === null) return;
    try {
      await this.#advance(client, sql, stands);
      this.#problems.delete(namespaceOf(stands));
    } catch (error) {
      const found = toPostgresError(error, `setting the sequence ${sql} to ${stands.lastValue} at the target`); // prettier-ignore
      if (found.retryable) throw found;
      this.#tell(stands, `${found.message} Alter it there as the source's is`);
    }
  }

  async #find(
    client: pg.Client,
    tables: readonly TableDefinition[],
    stands: Standing,
  ): Promise<string | null> {
    const isIt = (each: SequenceDefinition): boolean =>
      each.schema === stands.schema && each.name === stands.name;
    for (const table of tables) {
      const sequence = table.sequences.find(isIt);
      if (sequence !== undefined) return this.#ofColumn(client, table, sequence);
    }
    return stands.definition === undefined ? null : this.#standalone(client, stands.definition);
  }

  /** An identity column's sequence may have another name there. Null where this role may not set it. */
  async #ofColumn(
    client: pg.Client,
    table: TableDefinition,
    sequence: SequenceDefinition,
  ): Promise<string | null> {
    const name = this.#target.names.ofTable(table);
    const { rows } = await client.query<{ sequence: string | null }>(
      `SELECT COALESCE(pg_get_serial_sequence($1, $2), (
         SELECT $3::text FROM pg_catalog.pg_class k WHERE k.oid = to_regclass($3) AND k.relkind = 'S')) AS sequence`,
      [name.sql, sequence.column, qualifiedName(sequence.schema, sequence.name)],
    );
    const found = rows[0]!.sequence;
    if (found === null)
      this.#tell(
        sequence,
        `the sequence of ${name.namespace}.${sequence.column} is not at the target`,
      );
    return found === null ? null : this.#permitted(client, found, sequence);
  }

  async #standalone(
    client: pg.Client,
    sequence: NonNullable<Standing['definition']>,
  ): Promise<string | null> {
    const name = this.#target.names.ofTable(sequence);
    const { rows } = await client.query<{ kind: string | null; schema: boolean }>(
      `SELECT (SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass($1)) AS kind, to_regnamespace($2) IS NOT NULL AS schema`,
      [name.sql, quoteIdent(name.schema)],
    );
    const { kind, schema } = rows[0]!;
    if (kind !== null && kind !== 'S')
      throw new WeirError(
        'TARGET_UNFIT',
        `the sequence ${name.namespace} cannot be made at the target, because something else there has its name; rename that, or give the sequence another name with "map"`,
      );
    if (kind === null && this.#target.create === 'never') {
      this.#tell(sequence, `the sequence ${name.namespace} is not at the target; run there: ${toSequenceStatement(sequence, name.sql)}`); // prettier-ignore
      return null;
    }
    if (kind === null) await this.#create(client, sequence, name, schema);
    return this.#permitted(client, name.sql, sequence);
  }

  async #create(
    client: pg.Client,
    sequence: NonNullable<Standing['definition']>,
    name: TargetName,
    schema: boolean,
  ): Promise<void> {
    const what = `creating the sequence ${name.namespace}`;
    if (!schema) await runDdl(client, `CREATE SCHEMA ${quoteIdent(name.schema)}`, what);
    await runDdl(client, toSequenceStatement(sequence, name.sql), what);
  }

  async #permitted(
    client: pg.Client,
    sql: string,
    sequence: { schema: string; name: string },
  ): Promise<string | null> {
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT ${maySequence('to_regclass($1)', 'UPDATE')} AND ${maySequence('to_regclass($1)', 'SELECT')} AS may`,
      [sql],
    );
    if (rows[0]?.may === true) return sql;
    this.#tell(sequence, `the sequence ${sql} may not be set by this role; run at the target: GRANT SELECT, UPDATE ON SEQUENCE ${sql} TO CURRENT_USER, naming the role`); // prettier-ignore
    return null;
  }

  async #advance(client: pg.Client, sql: string, stands: Standing): Promise<void> {
    const { lastValue, isCalled } = stands;
    await client.query(
      `WITH there AS MATERIALIZED (
         SELECT last_value, is_called, last_value || CASE WHEN is_called THEN '' ELSE ' not called' END AS standing,
           (SELECT seqincrement FROM pg_catalog.pg_sequence WHERE seqrelid = ${quoteLiteral(sql)}::regclass) AS increment
         FROM ${sql}
       ), ours AS MATERIALIZED (
         SELECT standing = (SELECT standing FROM weir.sequence WHERE pipeline = $3 AND sequence = $4) IS TRUE AS free,
           last_value = $1::bigint AND is_called = $2::boolean AS same,
           CASE WHEN increment < 0 THEN $1::bigint < last_value ELSE $1::bigint > last_value END
             OR ($1::bigint = last_value AND $2::boolean) AS further
         FROM there
       ), moved AS MATERIALIZED (
         SELECT setval(${quoteLiteral(sql)}::regclass, $1::bigint, $2::boolean) FROM ours WHERE NOT same AND (free OR further)
       )
       INSERT INTO weir.sequence (pipeline, sequence, standing)
       SELECT $3, $4, $5 FROM ours WHERE same OR EXISTS (SELECT FROM moved)
       ON CONFLICT (pipeline, sequence) DO UPDATE SET standing = excluded.standing`,
      [lastValue, isCalled, this.#target.pipeline, namespaceOf(stands), standingOf(stands)],
    );
  }

  #tell(sequence: { schema: string; name: string }, text: string): void {
    const namespace = namespaceOf(sequence);
    if (this.#problems.get(namespace) !== text) this.#log.warn({ sequence: namespace }, text);
    this.#problems.set(namespace, text);
  }
}

function namespaceOf({ schema, name }: { schema: string; name: string }): string {
  return formatNamespace(schema, name);
}

function standingOf({ lastValue, isCalled }: Standing): string {
  return `${lastValue}${isCalled ? '' : ' not called'}`;
}
