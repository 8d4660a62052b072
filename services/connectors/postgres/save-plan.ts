import { sourceOf } from '../../../shared/change/namespace-part.ts';
import type pg from 'pg';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { addMissingColumns } from './align-relation.ts';
import { readBoundTogether } from './bound-together.ts';
import { compareTable } from './compare-table.ts';
import { takeRows } from './contested-row.ts';
import { createDefaults, createTable } from './create-table.ts';
import { definitionOf } from './definition-of.ts';
import { writtenRelation } from './document-table.ts';
import { truncateParked } from './parked-entries.ts';
import { recordTables, requireRecordedTables } from './recorded-table.ts';
import { readRowsOf } from './table-rows.ts';
import type { TableDefinition } from './table-definition.ts';
import { inTransaction, runDdl } from './target-ddl.ts';
import { holdsRows, readTargetTable } from './target-table.ts';
import type { TargetNames } from './target-names.ts';
import type { NativeTypes } from './types/native-types.ts';

export interface PlanTarget {
  pipeline: string;
  create: 'missing' | 'never';
  order: 'key' | 'transaction';
  names: TargetNames;
  natives: NativeTypes;
}

/** One writer of plans at a time in a database: two pipelines may need the same schema or type. */
const PLAN_LOCK = 0x77656970;

/**
 * Stores a plan with everything that it needs at the target, or nothing of it. What is known of a namespace stays:
 * its relation changes through barriers only. Returns as `Sink.savePlan`.
 */
export async function savePlan(
  client: pg.Client,
  target: PlanTarget,
  plan: PipelinePlan,
  readerEpoch: number,
): Promise<string[]> {
  return inTransaction(client, async () => {
    const stored = await lockPipeline(client, target.pipeline, readerEpoch);
    await client.query('SELECT pg_advisory_xact_lock($1)', [PLAN_LOCK]);
    const known = await readKnown(client, target.pipeline);
    await requireRecordedTables(client, target.pipeline, target.names);
    const problems: string[] = [];
    const natives = await target.natives.at(client);
    if (known.size === 0) natives.requireMatched(plan.namespaces);
    natives.requireAgreed(plan.namespaces.filter(({ relation }) => !known.has(relation.namespace)));
    // The ledger first: a writer that is loading one of these chunks ends before its table is emptied. It may wait for
    // parts of a chunk whose reader is gone, so it is not waited for in turn.
    await takeRows(client, {
      table: 'weir.chunk',
      columns: 'id',
      where: 'r.pipeline = $1 AND NOT r.done',
      values: [target.pipeline],
    });
    for (const namespace of plan.namespaces)
      await saveChunks(client, target.pipeline, namespace, known);
    await emptyRestarted(client, target, plan, known);
    const made: TableDefinition[] = [];
    for (const namespace of plan.namespaces) {
      if (known.has(namespace.relation.namespace))
        problems.push(...(await continueNamespace(client, target, natives, namespace)));
      else
        problems.push(
          ...(await createNamespace(
            client,
            target,
            natives,
            namespace,
            isCopied(plan, namespace),
            made,
          )),
        );
    }
    if (problems.length > 0) throw new WeirError('TARGET_UNFIT', problems.join('; '));
    for (const definition of made) await createDefaults(client, target.names, definition);
    await recordTables(client, target.pipeline, target.names);
    await saveLanes(client, target, plan, stored);
    return readBoundTogether(client, target.names, plan);
  });
}

interface StoredPlan {
  start: string | null;
  lanes: number | null;
}

async function lockPipeline(
  client: pg.Client,
  pipeline: string,
  readerEpoch: number,
): Promise<StoredPlan> {
  const { rows } = await client.query<StoredPlan & { reader_epoch: string }>(
    'SELECT reader_epoch, start, lanes FROM weir.pipeline WHERE name = $1 FOR UPDATE',
    [pipeline],
  );
  if (rows[0] === undefined || Number(rows[0].reader_epoch) !== readerEpoch)
    throw new WeirError(
      'FENCED',
      `another reader of the pipeline "${pipeline}" has started since epoch ${readerEpoch}`,
    );
  return rows[0];
}

async function readKnown(client: pg.Client, pipeline: string): Promise<Set<string>> {
  const { rows } = await client.query<{ namespace: string }>(
    'SELECT namespace FROM weir.namespace WHERE pipeline = $1',
    [pipeline],
  );
  return new Set(rows.map((row) => row.namespace));
}

/** Pending chunks that the plan no longer has were cut from a snapshot that is gone. */
async function saveChunks(
  client: pg.Client,
  pipeline: string,
  { relation, state, chunks }: NamespacePlan,
  known: ReadonlySet<string>,
): Promise<void> {
  if (state === 'ready') return;
  // Of one that is not known any more, somebody had it forgotten: it comes anew, and what was aside is of the old.
  const isAnew = state === 'restart' || !known.has(relation.namespace);
  if (!known.has(relation.namespace))
    for (const sql of truncateParked(pipeline, [relation.namespace])) await client.query(sql);
  const gone = isAnew ? '' : 'AND NOT done AND NOT (id = ANY($3::bigint[]))';
  await client.query(
    `DELETE FROM weir.chunk WHERE pipeline = $1 AND namespace = $2 ${gone}`,
    isAnew
      ? [pipeline, relation.namespace]
      : [pipeline, relation.namespace, chunks.map((chunk) => chunk.id)],
  );
  await client.query(
    `INSERT INTO weir.chunk AS c (pipeline, id, namespace, chunk)
     SELECT $1, (e.chunk->>'id')::bigint, $2, e.chunk FROM jsonb_array_elements($3::jsonb) e(chunk)
     ON CONFLICT (pipeline, id) DO UPDATE SET chunk = excluded.chunk WHERE NOT c.done`,
    [pipeline, relation.namespace, JSON.stringify(chunks)],
  );
}

/** Chunks of a namespace may hold rows for several. */
function isCopied({ namespaces }: PipelinePlan, { relation }: NamespacePlan): boolean {
  const source = sourceOf(relation.namespace);
  return namespaces.some((each) => each.chunks.length > 0 && each.relation.namespace === source);
}

/** `made`: takes the definitions of the tables that were not there. */
async function createNamespace(
  client: pg.Client,
  target: PlanTarget,
  natives: NativeTypes,
  plan: NamespacePlan,
  copied: boolean,
  made: TableDefinition[],
): Promise<string[]> {
  const name = target.names.ofNamespace(plan.relation.namespace);
  const table = await readTargetTable(client, name);
  const relation = writtenRelation(natives.plan(plan).relation, name, table);
  const definition = definitionOf({ ...plan, relation });
  if (table === null) {
    if (target.create === 'never')
      return [
        `the table ${name.namespace} does not exist at the target; create it, or allow it with "create: missing"`,
      ];
    await createTable(client, target.names, { relation, definition });
    made.push(definition);
  } else {
    const problems = compareTable(relation, name, table);
    if (problems.length > 0) return problems;
    if (copied && (await holdsRows(client, name)))
      return [
        `the table ${name.namespace} at the target holds rows already; empty it with TRUNCATE ${name.sql}, or copy into another with "map"`,
      ];
  }
  await client.query(
    `INSERT INTO weir.namespace (pipeline, namespace, relation, definition, start, linked, settled)
     VALUES ($1, $2, $3::jsonb, $4::jsonb, $5, $6, $7)`,
    [
      target.pipeline,
      relation.namespace,
      JSON.stringify(plan.relation),
      JSON.stringify(definition),
      plan.start,
      target.create === 'never',
      plan.settled,
    ],
  );
  return [];
}

/** All at once, because foreign keys may lie between them. */
async function emptyRestarted(
  client: pg.Client,
  target: PlanTarget,
  plan: PipelinePlan,
  known: ReadonlySet<string>,
): Promise<void> {
  const namespaces = plan.namespaces
    .map(({ state, relation }) => ({ state, namespace: relation.namespace }))
    .filter(({ state, namespace }) => state === 'restart' && known.has(namespace))
    .map(({ namespace }) => namespace);
  if (namespaces.length === 0) return;
  const tables = await readRowsOf(
    client,
    namespaces.map((namespace) => target.names.ofNamespace(namespace).sql),
  );
  await runDdl(client, `TRUNCATE ${tables.join(', ')}`, 'emptying tables to copy them again');
  for (const sql of truncateParked(target.pipeline, namespaces)) await client.query(sql);
}

/** A copy that goes on, or starts again; its table may have got columns since. */
async function continueNamespace(
  client: pg.Client,
  target: PlanTarget,
  natives: NativeTypes,
  plan: NamespacePlan,
): Promise<string[]> {
  if (plan.state === 'ready') return [];
  const name = target.names.ofNamespace(plan.relation.namespace);
  const there = await readTargetTable(client, name);
  const relation = natives.relationAt(writtenRelation(plan.relation, name, there), there);
  const definition = definitionOf({ ...plan, relation });
  await addMissingColumns(client, target.create, definition, relation, name);
  const table = await readTargetTable(client, name);
  if (table === null)
    return [`the table ${name.namespace} is gone from the target; run weir reset and copy anew`];
  const problems = compareTable(relation, name, table);
  await client.query(
    // Partitions that came since the reader asked for the state are noted there already.
    `UPDATE weir.namespace SET relation = $3::jsonb, start = $5, ready = ready AND $6, settled = $7,
       definition = CASE WHEN $6 THEN $4::jsonb || jsonb_build_object('partitions', definition -> 'partitions') ELSE $4::jsonb END
     WHERE pipeline = $1 AND namespace = $2`,
    [
      target.pipeline,
      relation.namespace,
      JSON.stringify(plan.relation),
      JSON.stringify(definition),
      plan.start,
      plan.state !== 'restart',
      plan.settled,
    ],
  );
  return problems;
}

/** A plan that starts elsewhere is only right if nothing of the old one is kept; its lanes then start there too. */
async function saveLanes(
  client: pg.Client,
  { pipeline, order }: PlanTarget,
  plan: PipelinePlan,
  stored: StoredPlan,
): Promise<void> {
  const isNew = stored.start === null;
  const moved = stored.start !== plan.start || stored.lanes !== plan.lanes;
  const anew = plan.namespaces.every(({ state }) => state === 'new' || state === 'restart');
  if (!isNew && moved && !anew)
    throw new WeirError(
      'INTERNAL',
      `the plan of the pipeline "${pipeline}" starts elsewhere than what the target has of it`,
    );
  if (!isNew && moved)
    await client.query('DELETE FROM weir.lane WHERE pipeline = $1 AND lane >= $2', [
      pipeline,
      plan.lanes,
    ]);
  await client.query(
    `UPDATE weir.pipeline SET identity = $2, start = $3, snapshot = $4::jsonb, lanes = $5, ordering = $6 WHERE name = $1`,
    [pipeline, plan.identity, plan.start, JSON.stringify(plan.snapshot ?? null), plan.lanes, order],
  );
  await client.query(
    `INSERT INTO weir.lane AS l (pipeline, lane, epoch, reader_epoch, sequence, position, parked)
     SELECT $1, lane, 0, 0, 0, $2, EXISTS (SELECT 1 FROM weir.parked WHERE pipeline = $1)
     FROM generate_series(0, $3::int - 1) lane
     ON CONFLICT (pipeline, lane) DO ${
       !isNew && moved
         ? `UPDATE SET epoch = l.epoch + 1, reader_epoch = 0, sequence = 0, position = excluded.position, barrier = NULL`
         : 'NOTHING'
     }`,
    [pipeline, plan.start, plan.lanes],
  );
}
