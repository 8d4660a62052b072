import type pg from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { BucketHash, RowHash, Verifier } from '../../../../shared/connector/verifier.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { readCatalog, readHeldTables, type SourceTable } from '../catalog/catalog.ts';
import { connect, describeServer, disconnect } from '../connection/connection.ts';
import { parseNamespace, qualifiedName, quoteIdent, toSqlName } from '../connection/names.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { rowHashSql } from './row-hash.ts';
import { readRowsOf } from '../catalog/table-rows.ts';
import { readTargetTable } from '../sink/target/target-table.ts';
import { toTargetName } from '../sink/target/target-names.ts';

export function createPostgresVerifier(options: EndOptions): Verifier {
  return new PostgresVerifier(options);
}

/** Hashes on the server: rows of buckets that agree never travel. Each call is one statement, and so one moment. */
class PostgresVerifier implements Verifier {
  readonly #options: EndOptions;
  #client: Promise<pg.Client> | null = null;
  /** What is read in place of the source's partitioned tables of which partitions are left out. */
  #carried = new Map<string, string>();

  constructor(options: EndOptions) {
    this.#options = options;
  }

  async relations(end: 'source' | 'target', namespaces?: readonly string[]): Promise<Relation[]> {
    return this.#run('reading the catalog', async (client) => {
      if (end === 'target') return (await readHeldTables(client)).map(withGenerated);
      const { tables, findings } = await readCatalog(client, namespaces);
      for (const { subject, message } of findings) this.#options.log.warn({ subject }, message);
      const partial = tables.filter(({ leftOut }) => leftOut.length > 0);
      this.#carried = new Map(partial.map((table) => [table.namespace, carriedRows(table)]));
      return tables.map(withGenerated);
    });
  }

  async bucketHashes(
    namespace: string,
    relation: Relation,
    buckets: number,
  ): Promise<BucketHash[]> {
    const sql = rowHashSql(relation);
    return this.#run(`comparing ${namespace}`, async (client) => {
      const from = await this.#from(client, namespace);
      const { rows } = await client.query<{ bucket: number; rows: string; hash: string }>(
        `SELECT ${sql.bucket(buckets)} AS bucket, count(*) AS rows, ${sql.sums} AS hash
         FROM ${from} t GROUP BY 1 ORDER BY 1`,
      );
      return rows.map((row) => ({ ...row, rows: Number(row.rows) }));
    });
  }

  async rowHashes(
    namespace: string,
    relation: Relation,
    buckets: number,
    bucket: number,
  ): Promise<RowHash[]> {
    const sql = rowHashSql(relation);
    return this.#rows(
      namespace,
      (from) =>
        `SELECT ${sql.key} AS key, ${sql.hash} AS hash FROM ${from} t WHERE ${sql.bucket(buckets)} = $1`,
      [bucket],
    );
  }

  async rowsByKey(
    namespace: string,
    relation: Relation,
    keys: readonly string[],
  ): Promise<RowHash[]> {
    const sql = rowHashSql(relation);
    const { match } = sql;
    if (match === null)
      return this.#rows(
        namespace,
        (from) =>
          `SELECT ${sql.key} AS key, ${sql.hash} AS hash FROM ${from} t WHERE ${sql.key} = ANY($1::text[])`,
        [keys],
      );
    const { schema, table } = parseNamespace(namespace);
    const there = await this.#run(`comparing ${namespace}`, (client) =>
      readTargetTable(client, toTargetName(schema, table)),
    );
    const types = new Map(there?.columns.map(({ name, type }) => [name, type]));
    return this.#rows(
      namespace,
      (from) =>
        `SELECT w.key, ${sql.hash} AS hash
         FROM (SELECT k AS key, k::text[] AS parts FROM unnest($1::text[]) k) w
         JOIN ${from} t ON ${match(types)}`,
      [keys],
    );
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client !== null) await disconnect(await client);
  }

  /** Equal keys (only rows without a key have them) come as one with their number. */
  async #rows(
    namespace: string,
    text: (from: string) => string,
    values: unknown[],
  ): Promise<RowHash[]> {
    return this.#run(`comparing ${namespace}`, async (client) => {
      const from = await this.#from(client, namespace);
      const { rows } = await client.query<{ key: string; hash: string; count: string }>(
        `SELECT key, hash, count(*) AS count FROM (${text(from)}) r GROUP BY key, hash ORDER BY key COLLATE "C"`,
        values,
      );
      return rows.map((row) => ({ ...row, count: Number(row.count) }));
    });
  }

  async #from(client: pg.Client, namespace: string): Promise<string> {
    const carried = this.#carried.get(namespace);
    if (carried !== undefined) return carried;
    const [from] = await readRowsOf(client, [toSqlName(namespace)]);
    return from!;
  }

  async #run<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#client ??= this.#open();
    const opening = this.#client;
    try {
      return await work(await opening);
    } catch (error) {
      const found = toPostgresError(error, `${doing} at ${describeServer(this.#options.url)}`);
      if (found.code === 'UNREACHABLE' && this.#client === opening) this.#client = null;
      if (found.code !== 'SCHEMA_CHANGED') throw found;
      throw new WeirError(
        'TARGET_UNFIT',
        `${found.message} Both ends must have the same tables and columns.`,
        {
          cause: found.cause,
        },
      );
    }
  }

  async #open(): Promise<pg.Client> {
    const client = await connect(this.#options.url, {
      applicationName: `weir verify ${this.#options.pipeline}`,
    });
    await client.query('SET default_transaction_read_only = on');
    const { rows } = await client.query<{ encoding: string }>(
      `SELECT current_setting('server_encoding') AS encoding`,
    );
    // Hashes are of bytes, which are others in another encoding.
    if (rows[0]!.encoding !== 'UTF8') {
      await disconnect(client);
      throw new WeirError(
        'NOT_SUPPORTED',
        `${describeServer(this.#options.url)} is in the encoding ${rows[0]!.encoding}, of which rows cannot be compared by their hashes; compare dumps of both ends, such as psql with client_encoding = UTF8 makes.`,
      );
    }
    return client;
  }
}

/** Without reading those that are left out, whose server may be far away or gone. */
export function carriedRows({ definition, leaves }: SourceTable): string {
  const columns = definition.columns.map(({ name }) => quoteIdent(name)).join(', ');
  const parts = leaves.map(({ schema, name }) => `SELECT ${columns} FROM ONLY ${qualifiedName(schema, name)}`); // prettier-ignore
  const root = `SELECT ${columns} FROM ONLY ${qualifiedName(definition.schema, definition.name)}`;
  return `(${(parts.length === 0 ? [root] : parts).join(' UNION ALL ')})`;
}

/** What travels leaves generated columns out; what is compared has them. */
function withGenerated({ relation, definition }: SourceTable): Relation {
  const key = relation.key.map((i) => relation.columns[i]!.name);
  const columns = definition.columns.map(({ name, type }) => ({
    name,
    type,
    encoding: 'text' as const,
  }));
  return {
    ...relation,
    columns,
    key: key.map((name) => columns.findIndex((column) => column.name === name)),
  };
}
