import type { Relation } from '../../../../shared/change/relation.ts';
import type { NetChanges } from '../../../../shared/connector/sink.ts';
import type { StoreOptions, StoreWriter } from '../../../../shared/connector/store.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { fillAbsent } from './absent-columns.ts';
import { prepareStaging, runStatements } from '../sink/apply/apply-changes.ts';
import { toStatements, usesOf } from '../sink/apply/change-statements.ts';
import { toSmallBatch, writeSmallBatch } from '../sink/apply/small-batch.ts';
import { parseNamespace } from '../connection/names.ts';
import { NativeTypes } from '../sink/target/native-types.ts';
import { TypeOverrides } from '../../../../shared/connector/type-overrides.ts';
import { RelationCache } from '../sink/target/relation-cache.ts';
import { createTargetNames, toTargetName } from '../sink/target/target-names.ts';
import { readTargetTable, type TargetTable } from '../sink/target/target-table.ts';
import { openWriterSession } from '../sink/session/writer-session.ts';
import { WriterPool } from '../sink/session/writer-pool.ts';

const RELATION_MS = 5_000;
/** Up to so many rows in a call, statements for each cost less than staging them, and each call is a transaction. */
const FEW_ROWS = 500;

/** Writes rows as they come, set by set, each set in one transaction; what is there of a row is replaced. */
export class PostgresStoreWriter implements StoreWriter {
  readonly #pool: WriterPool;
  readonly #cache = new RelationCache(
    { names: createTargetNames({}), natives: new NativeTypes(new TypeOverrides()) },
    null,
  );
  readonly #relations = new Map<string, { relation: Relation; shape: string; readAtMs: number }>();

  constructor({ url, pipeline, workers }: StoreOptions) {
    this.#pool = new WriterPool(workers, () => openWriterSession(url, `weir ${pipeline}`));
  }

  async relationOf(namespace: string, anew = false): Promise<Relation | null> {
    const known = this.#relations.get(namespace);
    const isRecent = known !== undefined && Date.now() - known.readAtMs < RELATION_MS;
    if (isRecent && !anew) return known.relation;
    const { schema, table: name } = parseNamespace(namespace);
    const table = await this.#pool.run(null, ({ client }) =>
      readTargetTable(client, toTargetName(schema, name)),
    );
    if (table === null || !['r', 'p'].includes(table.kind)) return null;
    const shape = JSON.stringify(table);
    const relation = known?.shape === shape ? known.relation : toRelation(namespace, table);
    if (relation !== known?.relation) this.#cache.forget(namespace);
    this.#relations.set(namespace, { relation, shape, readAtMs: Date.now() });
    return relation;
  }

  async fillAbsent(relation: Relation, rows: readonly Buffer[]): Promise<Buffer[]> {
    const { namespace } = relation;
    const { schema, table: name } = parseNamespace(namespace);
    return this.#pool.run(null, async ({ client }) => {
      const table = await readTargetTable(client, toTargetName(schema, name));
      if (table === null)
        throw new WeirError('TARGET_UNFIT', `${namespace} is gone at the target; create it again`);
      return fillAbsent(client, relation, table, rows);
    });
  }

  async write(changes: NetChanges): Promise<void> {
    await this.#pool.run(null, async (session) => {
      const target = await this.#cache.targetOf(session.client, changes.relation);
      const few = toSmallBatch(session, [{ changes, target }], null, FEW_ROWS);
      if (few !== null) return writeSmallBatch(session, few);
      await prepareStaging(session, [{ target, uses: usesOf(changes, target) }]);
      const statements = toStatements(changes, target, session.staging);
      await runStatements(session, [{ sql: 'BEGIN' }, ...statements, { sql: 'COMMIT' }]);
    });
  }

  count(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Its key is the primary key, else another unique index that tells every row apart. */
function toRelation(namespace: string, { columns, indexes }: TargetTable): Relation {
  const carried = columns.filter((column) => !column.generated);
  const notNull = new Set(carried.filter((column) => column.notNull).map(({ name }) => name));
  const index = indexes.find(
    (each) =>
      !each.exclusion && !each.partial && each.columns.every((name) => notNull.has(name ?? '')),
  );
  const key = carried.flatMap(({ name }, i) => (index?.columns.includes(name) === true ? [i] : []));
  return {
    namespace,
    columns: carried.map(({ name, type }) => ({ name, type, encoding: 'text' })),
    key,
    identity: key.length === 0 ? 'none' : 'key',
    order: 'key',
  };
}
