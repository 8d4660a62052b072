import type { PlanTarget } from '../target/plan-target.ts';
import { sourceOf } from '../../../../../shared/change/namespace-part.ts';
import type pg from 'pg';
import type { NamespacePlan, PipelinePlan } from '../../../../../shared/connector/plan.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import {
  forgetParked,
  hasMoved,
  type Known,
  requireReader,
  saveChunks,
  saveLanes,
  saveNamespace,
} from '../../../../../shared/state/plan-steps.ts';
import type { StateStep } from '../../../../../shared/state/state-step.ts';
import { addMissingColumns } from '../ddl/align-relation.ts';
import { readBoundTogether } from '../check/bound-together.ts';
import { compareTable } from '../target/compare-table.ts';
import { takeOverRows } from '../state/row-lock-takeover.ts';
import { createInheritance } from '../ddl/create-inheritance.ts';
import { createDefaults, createTable } from '../ddl/create-table.ts';
import { definitionOf } from '../../catalog/definition-of.ts';
import { writtenRelation } from '../documents/document-table.ts';
import { formatNamespace } from '../../connection/names.ts';
import { commitWithin, PostgresState } from '../state/postgres-state.ts';
import { recordTables, requireRecordedTables } from '../target/recorded-table.ts';
import { readRowsOf, rowsOf } from '../../catalog/table-rows.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { otherTypes } from '../ddl/other-types.ts';
import { inTransaction, runDdl } from '../target/target-ddl.ts';
import { holdsRows, readTargetTable } from '../target/target-table.ts';
import type { NativeTypes } from '../target/native-types.ts';

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
    const known = await lockKnown(client, target.pipeline, plan, readerEpoch);
    await requireRecordedTables(client, target.pipeline, target.names);
    const problems: string[] = [];
    const natives = await target.natives.at(client);
    if (known.namespaces.size === 0) natives.requireMatched(plan.namespaces);
    natives.requireAgreed(
      plan.namespaces.filter(({ relation }) => !known.namespaces.has(relation.namespace)),
    );
    // The ledger first: a writer that is loading one of these chunks ends before its table is emptied. It may wait for
    // parts of a chunk whose reader is gone, so it is not waited for in turn.
    await takeOverRows(client, {
      table: 'weir.chunk',
      columns: 'id',
      where: 'r.pipeline = $1 AND NOT r.done',
      values: [target.pipeline],
    });
    for (const namespace of plan.namespaces) {
      await commit(client, target, saveChunks(known, namespace));
    }
    await emptyRestarted(client, target, plan, known);
    await commit(client, target, forgetParked(known, plan.namespaces));
    const created: TableDefinition[] = [];
    for (const namespace of plan.namespaces) {
      const made = known.namespaces.has(namespace.relation.namespace)
        ? await continueNamespace(client, target, natives, namespace)
        : await createNamespace(
            client,
            target,
            natives,
            namespace,
            isCopied(plan, namespace),
            created,
          );
      problems.push(...made.problems);
      if (made.problems.length > 0) continue;
      const { definition = null } = made;
      const linked = target.create === 'never';
      await commit(client, target, saveNamespace(known, { ...namespace, definition }, linked));
    }
    if (problems.length > 0) throw new WeirError('TARGET_UNFIT', problems.join('; '));
    for (const definition of created) await createDefaults(client, target.names, definition);
    const made = new Set(created.map(({ schema, name }) => formatNamespace(schema, name)));
    await createInheritance(client, target.names, plan.namespaces, {
      made,
      known: known.namespaces,
    });
    await recordTables(client, target.pipeline, target.names);
    const linked = target.create === 'never';
    await commit(client, target, saveLanes(known, { plan, ordering: target.order, linked }));
    return readBoundTogether(client, target.names, plan);
  });
}

/** What is known, and stays so until the transaction ends. */
async function lockKnown(
  client: pg.Client,
  pipeline: string,
  plan: PipelinePlan,
  readerEpoch: number,
): Promise<Known> {
  await client.query('SELECT FROM weir.pipeline WHERE name = $1 FOR UPDATE', [pipeline]);
  const state = new PostgresState(client, pipeline, true);
  const { pipeline: record } = await state.read('pipeline');
  requireReader(record, readerEpoch);
  await client.query('SELECT pg_advisory_xact_lock($1)', [PLAN_LOCK]);
  if (hasMoved(record, plan))
    await takeOverRows(client, {
      table: 'weir.lane',
      columns: 'lane',
      where: 'r.pipeline = $1',
      values: [pipeline],
    });
  const { lanes } = await state.read('lanes');
  const { standings } = await state.read('standings');
  const namespaces = new Set(standings.map(({ namespace }) => namespace));
  return { pipeline: record, lanes, namespaces };
}

async function commit(client: pg.Client, { pipeline }: PlanTarget, step: StateStep): Promise<void> {
  if (!(await commitWithin(client, pipeline, step)))
    throw new WeirError(
      'FENCED',
      `the state of the pipeline "${pipeline}" was changed by somebody else while its plan was stored`,
    );
}

/** What a namespace has at the target: the definition to store with it, or why it cannot be. */
interface Prepared {
  problems: string[];
  definition?: unknown;
}

function problem(message: string): Prepared {
  return { problems: [message] };
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
  created: TableDefinition[],
): Promise<Prepared> {
  const name = target.names.ofNamespace(plan.relation.namespace);
  const table = await readTargetTable(client, name);
  const relation = writtenRelation(natives.plan(plan).relation, name, table);
  const definition = definitionOf({ ...plan, relation });
  if (table === null) {
    if (target.create === 'never')
      return problem(
        `the table ${name.namespace} does not exist at the target; create it, or allow it with "create: missing"`,
      );
    await createTable(client, target.names, { relation, definition });
    created.push(definition);
  } else {
    const problems = [
      ...compareTable(relation, name, table),
      ...(await otherTypes(client, definition.types, table.oid)),
    ];
    if (problems.length > 0) return { problems };
    if (copied && (await holdsRows(client, name)))
      return problem(
        `the table ${name.namespace} at the target holds rows already; empty it with TRUNCATE ${rowsOf(name.sql, table.kind)}, or copy into another with "map"`,
      );
  }
  return { problems: [], definition };
}

/** All at once, because foreign keys may lie between them. */
async function emptyRestarted(
  client: pg.Client,
  target: PlanTarget,
  plan: PipelinePlan,
  known: Known,
): Promise<void> {
  const namespaces = plan.namespaces
    .map(({ state, relation }) => ({ state, namespace: relation.namespace }))
    .filter(({ state, namespace }) => state === 'restart' && known.namespaces.has(namespace))
    .map(({ namespace }) => namespace);
  if (namespaces.length === 0) return;
  const tables = await readRowsOf(
    client,
    namespaces.map((namespace) => target.names.ofNamespace(namespace).sql),
  );
  await runDdl(client, `TRUNCATE ${tables.join(', ')}`, 'emptying tables to copy them again');
}

/** A copy that goes on, or starts again; its table may have got columns since. */
async function continueNamespace(
  client: pg.Client,
  target: PlanTarget,
  natives: NativeTypes,
  plan: NamespacePlan,
): Promise<Prepared> {
  if (plan.state === 'ready') return { problems: [] };
  const name = target.names.ofNamespace(plan.relation.namespace);
  const there = await readTargetTable(client, name);
  const relation = natives.relationAt(writtenRelation(plan.relation, name, there), there);
  const definition = definitionOf({ ...plan, relation });
  await addMissingColumns(client, target.create, definition, relation, name);
  const table = await readTargetTable(client, name);
  if (table === null)
    return problem(
      `the table ${name.namespace} is gone from the target; run weir reset and copy again`,
    );
  const problems = compareTable(relation, name, table);
  if (plan.state === 'restart') return { problems, definition };
  // Those that came since the reader asked for the state are noted there already.
  const { rows } = await client.query<{ partitions: unknown }>(
    `SELECT definition -> 'partitions' AS partitions FROM weir.namespace WHERE pipeline = $1 AND namespace = $2 FOR UPDATE`,
    [target.pipeline, relation.namespace],
  );
  return { problems, definition: { ...definition, partitions: rows[0]?.partitions ?? null } };
}
