import type pg from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import type { Slice, StoreOptions, StoreReader } from '../../../../shared/connector/store.ts';
import { isAbort, WeirError } from '../../../../shared/errors/weir-error.ts';
import { readCatalog, type SourceTable } from '../catalog/catalog.ts';
import { connect, disconnect, describeServer } from '../connection/connection.ts';
import { qualifiedName, toSqlName } from '../connection/names.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { readRowsByKey } from './row-lookup.ts';
import { cutLeaf, readRowPage, type LeafRange } from './row-page.ts';
import type { ServedChanges } from './served-changes.ts';
import { rowsOf } from '../catalog/table-rows.ts';

/** How long what was read of the catalog is good for; a table may get another shape meanwhile. */
const CATALOG_MS = 5_000;
const MAX_IDLE = 4;
/** More rows than that are estimated and not counted. */
const COUNTED_ROWS = 1_000_000;

interface KnownCatalog {
  tables: ReadonlyMap<string, SourceTable>;
  serverVersion: number;
}

/** Reads tables page by page, each page by a statement of its own. */
export class PostgresStoreReader implements StoreReader {
  readonly #options: StoreOptions;
  readonly #changes: ServedChanges;
  readonly #where: string;
  readonly #idle: pg.Client[] = [];
  #catalog: Promise<KnownCatalog> | null = null;
  #readAtMs = 0;

  constructor(options: StoreOptions, changes: ServedChanges) {
    this.#options = options;
    this.#changes = changes;
    this.#where = describeServer(options.url);
  }

  async list(): Promise<Relation[]> {
    this.#readAtMs = 0;
    const { tables } = await this.#known();
    return [...tables.values()].map(({ relation }) => relation);
  }

  async relationOf(namespace: string): Promise<Relation | null> {
    return (await this.#known()).tables.get(namespace)?.relation ?? null;
  }

  async count(namespace: string): Promise<number> {
    const { leaves, kind } = await this.#table(namespace);
    return this.#use(`counting ${namespace}`, async (client) => {
      const { rows } = await client.query<{ rows: string }>(
        'SELECT coalesce(sum(greatest(reltuples, 0)), 0)::int8::text AS rows FROM pg_catalog.pg_class WHERE oid = ANY ($1::regclass[])',
        [leaves.map((leaf) => qualifiedName(leaf.schema, leaf.name))],
      );
      const estimate = Number(rows[0]?.rows ?? 0);
      if (estimate > COUNTED_ROWS) return estimate;
      const counted = await client.query<{ rows: string }>(
        `SELECT count(*)::text AS rows FROM ${rowsOf(toSqlName(namespace), kind)}`,
      );
      return Number(counted.rows[0]?.rows ?? 0);
    });
  }

  async cut(namespace: string): Promise<Slice[]> {
    const { leaves } = await this.#table(namespace);
    const pages = leaves.reduce((sum, leaf) => sum + leaf.pages, 0);
    const rows = pages === 0 ? 0 : await this.count(namespace);
    return leaves.flatMap((leaf) =>
      cutLeaf(leaf).map((range) => {
        const share = ((range.toPage ?? leaf.pages) - range.fromPage) / pages;
        return { namespace, cursor: range, estimatedRows: Math.round(rows * share) };
      }),
    );
  }

  async readPage(
    slice: Slice,
    after: string | null,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ relation: Relation; tuples: Buffer[]; next: string | null }> {
    const { relation, leaves } = await this.#table(slice.namespace);
    const range = parseRange(slice.cursor);
    if (!leaves.some(({ schema, name }) => schema === range.schema && name === range.name))
      throw new WeirError(
        'SCHEMA_CHANGED',
        `${range.schema}.${range.name} is no part of ${slice.namespace} any more; make a new plan`,
      );
    const { serverVersion } = await this.#known();
    const request = { relation, range, after, bytes, serverVersion, signal };
    const page = await this.#use(`reading ${slice.namespace}`, (client) =>
      readRowPage(client, request),
    );
    return { relation, ...page };
  }

  async readByKeys(relation: Relation, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    const { kind } = await this.#table(relation.namespace);
    return this.#use(`looking up rows of ${relation.namespace}`, (client) =>
      readRowsByKey(client, relation, kind, keys),
    );
  }

  begin: StoreReader['begin'] = () => this.#changes.begin();
  streamUpdates: StoreReader['streamUpdates'] = (...asked) => this.#changes.stream(...asked);
  countUpdates: NonNullable<StoreReader['countUpdates']> = (...asked) =>
    this.#changes.count(...asked);

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((client) => disconnect(client)));
  }

  async #table(namespace: string): Promise<SourceTable> {
    const table = (await this.#known()).tables.get(namespace);
    if (table !== undefined) return table;
    throw new WeirError(
      'CONFIG_INVALID',
      `there is no table ${namespace} with a key at ${this.#where}`,
    );
  }

  #known(): Promise<KnownCatalog> {
    if (this.#catalog === null || Date.now() - this.#readAtMs > CATALOG_MS) {
      this.#readAtMs = Date.now();
      this.#catalog = this.#readCatalog();
      this.#catalog.catch(() => (this.#catalog = null));
    }
    return this.#catalog;
  }

  #readCatalog(): Promise<KnownCatalog> {
    return this.#use('reading the catalog', async (client) => {
      const { tables } = await readCatalog(client, undefined);
      const { rows } = await client.query<{ version: number }>(
        `SELECT current_setting('server_version_num')::int AS version`,
      );
      const keyed = tables.filter(({ relation }) => relation.identity === 'key');
      return {
        tables: new Map(keyed.map((table) => [table.namespace, withText(table)])),
        serverVersion: rows[0]!.version,
      };
    });
  }

  /** On a connection of its own; one that failed is not used again. */
  async #use<T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { url, pipeline } = this.#options;
    const client =
      this.#idle.pop() ?? (await connect(url, { applicationName: `weir ${pipeline}` }));
    try {
      const result = await work(client);
      if (client.connection.stream.destroyed || this.#idle.length >= MAX_IDLE)
        await disconnect(client);
      else this.#idle.push(client);
      return result;
    } catch (error) {
      await disconnect(client);
      if (isAbort(error)) throw error;
      throw toPostgresError(error, `${doing} at ${this.#where}`);
    }
  }
}

function withText(table: SourceTable): SourceTable {
  const columns = table.relation.columns.map((column) => ({
    ...column,
    encoding: 'text' as const,
  }));
  return { ...table, relation: { ...table.relation, columns } };
}

function parseRange(value: unknown): LeafRange {
  const range = value as Partial<LeafRange> | null;
  if (
    typeof range === 'object' &&
    range !== null &&
    typeof range.schema === 'string' &&
    typeof range.name === 'string' &&
    Number.isInteger(range.fromPage) &&
    (range.toPage === null || Number.isInteger(range.toPage)) &&
    Number.isInteger(range.pageBytes)
  )
    return range as LeafRange;
  throw new WeirError(
    'CONFIG_INVALID',
    'the cursor of a partition is none that this connector gave',
  );
}
