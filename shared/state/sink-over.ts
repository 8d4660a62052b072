import type { Position } from '../change/position.ts';
import type { Finding } from '../connector/finding.ts';
import type { SinkCapabilities } from '../connector/connector.ts';
import type { SinkOptions } from '../connector/end-options.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import type { ChunkHead, ChunkOutcome, LaneBatch, LaneProgress, Sink } from '../connector/sink.ts';
import type { Barrier, RelationBarrier } from '../change/barrier.ts';
import { WeirError } from '../errors/weir-error.ts';
import { markChunk } from './chunk-steps.ts';
import { changeRelation, finishNamespace } from './plan-steps.ts';
import type { RowSink } from './row-sink.ts';
import { parkingOver } from './quarantine/parking-over.ts';
import { settleNamespaces } from './quarantine/quarantine-steps.ts';
import { QuarantinedRows } from './quarantine/quarantined-rows.ts';
import type { StateStep } from './state-step.ts';
import type { StateStore } from './state-store.ts';
import { limitsOf, StoredPipeline } from './stored-pipeline.ts';

export type SinkOverOptions = Pick<SinkOptions, 'onBadRow' | 'log' | 'retrySteps'>;

/**
 * A sink made of where the state lies and of what writes rows. Where rows have a transaction with the state, both are
 * there as one. Where they have not, rows are written first and the state moves then: what is interrupted between the two
 * is written again. Where what changes tables is part of no transaction, barriers are of the latter kind in either case.
 */
export function sinkOver(
  { ddl }: Pick<SinkCapabilities, 'ddl'>,
  state: StateStore,
  rows: RowSink,
  { onBadRow, log, retrySteps }: SinkOverOptions,
): Sink {
  const quarantine = new QuarantinedRows({ state, rows, onBadRow, log });
  const pipeline = new StoredPipeline(state);
  /** Which namespaces were not ready, and under which reader, when the last recovery was. */
  let recoveredAt: string | null = null;

  const finishNamespaces = async (): Promise<ReadonlyMap<string, Position>> => {
    const { pipeline: record, standings } = await state.read('pipeline', 'standings');
    for (const { namespace, ready, pending } of standings) {
      if (ready || pending) continue;
      await rows.finish?.(namespace);
      await state.commit(finishNamespace(namespace));
    }
    const open = standings.filter(({ ready }) => !ready).map(({ namespace }) => namespace);
    const now = JSON.stringify([record?.readerEpoch, open]);
    if (now !== recoveredAt) await rows.recover?.();
    recoveredAt = now;
    return limitsOf((await state.read('standings')).standings);
  };

  const savePlan = async (plan: PipelinePlan, readerEpoch: number): Promise<readonly string[]> => {
    await pipeline.requireReader(readerEpoch);
    await rows.recover?.();
    const known = await pipeline.readKnown();
    const together = await rows.prepare(plan, known);
    await pipeline.savePlan({ plan, ordering: 'key', linked: true }, readerEpoch);
    return together;
  };

  /** A row is refused: the chunk is asked for once more, and then it can be told which. */
  const carefully = async (
    chunk: ChunkHead,
    parts: AsyncIterable<Buffer>,
    load: () => Promise<ChunkOutcome>,
  ): Promise<ChunkOutcome> => {
    if (await quarantine.mustTakeCare(chunk)) {
      const judged = await pipeline.judgeChunk(chunk);
      return judged === 'wanted' ? quarantine.loadChunk(chunk, parts) : judged;
    }
    try {
      return await load();
    } catch (error) {
      if (onBadRow === 'stop' || !isRefusal(error)) throw error;
    }
    await quarantine.takeCareNextTime(chunk);
    return 'again';
  };

  /** `fast` returns false where the lane is elsewhere, or where changes may have to wait behind parked ones. */
  const writeUpdates = async (batch: LaneBatch, fast: () => Promise<boolean>): Promise<void> => {
    const flows = batch.held === undefined;
    try {
      if (flows && (await fast())) return;
    } catch (error) {
      if (onBadRow === 'stop' || !isRefusal(error)) throw error;
    }
    await quarantine.writeUpdates(batch);
  };

  const apart = {
    writeData: (chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<ChunkOutcome> =>
      carefully(chunk, parts, () =>
        pipeline.takeChunk(
          chunk,
          () => rows.load(chunk, parts),
          async () => rows.count?.(chunk),
          () => quarantine.failedOf(chunk),
        ),
      ),
    writeUpdates: (given: LaneBatch): Promise<void> =>
      writeUpdates(given, async () => {
        const hasChanges = given.changes.length > 0;
        if (hasChanges && (await pipeline.requireLane(given)).parked) return false;
        const notes = await rows.apply(given);
        if (!(await pipeline.moveFlowing(given, notes))) return false;
        if (notes !== undefined) await rows.applied?.(notes);
        return true;
      }),
    async runBarrier(batch: LaneBatch, barrier: Barrier): Promise<void> {
      refuseUnknownChange(barrier);
      const { parked } = await pipeline.requireLane(batch);
      if (barrier.kind === 'move' && needsCare(barrier, parked))
        return quarantine.runMoves(batch, barrier);
      await rows.runBarrier(batch, barrier);
      // Before the lane moves, for the others go on as soon as it has; done twice is as good as once.
      await saveRelation(state, barrier);
      await pipeline.moveLane(batch, parked ? emptied(barrier) : []);
    },
  };

  const together = (transaction: NonNullable<RowSink['transaction']>): typeof apart => ({
    writeData: (chunk, parts) =>
      carefully(chunk, parts, () =>
        transaction(async (inside) => {
          const judged = await new StoredPipeline(inside.state).judgeChunk(chunk);
          if (judged !== 'wanted') return judged;
          await inside.rows.load(chunk, parts);
          const failed = await quarantine.failedOf(chunk);
          if (!(await inside.state.commit([...markChunk(chunk), ...failed])))
            throw new WeirError('FENCED', `chunk ${chunk.id} was taken by somebody else`);
          await inside.rows.count?.(chunk);
          return 'loaded';
        }),
      ),
    writeUpdates: (batch) =>
      writeUpdates(batch, () =>
        transaction(async (inside) => {
          if (!(await new StoredPipeline(inside.state).moveFlowing(batch))) return false;
          await inside.rows.apply(batch);
          return true;
        }),
      ),
    async runBarrier(batch, barrier) {
      if (barrier.kind === 'move') {
        const { parked } = await pipeline.requireLane(batch);
        if (needsCare(barrier, parked)) return quarantine.runMoves(batch, barrier);
      } else if (ddl === 'apart') return apart.runBarrier(batch, barrier);
      try {
        await transaction(async (inside) => {
          refuseUnknownChange(barrier);
          await new StoredPipeline(inside.state).moveLane(batch, emptied(barrier));
          await saveRelation(inside.state, barrier);
          await inside.rows.runBarrier(batch, barrier);
        });
      } catch (error) {
        if (barrier.kind !== 'move' || !isRefusal(error)) throw error;
        await quarantine.runMoves(batch, barrier);
      }
    },
  });

  return {
    parking: parkingOver(quarantine.home(), retrySteps),
    check: async (relations, _besides, changes = []) => [
      ...(await rows.check(relations)),
      ...changes.flatMap(unknownChange),
    ],
    readState: () => pipeline.readState(),
    readProgress: () => pipeline.readProgress(),
    writeDesired: (desired) => pipeline.writeDesired(desired),
    beginReader: () => pipeline.beginReader(),
    savePlan,
    finishNamespaces,
    readLimits: () => pipeline.readLimits(),
    async openLane(lane: number): Promise<LaneProgress> {
      const progress = await pipeline.openLane(lane);
      await rows.recover?.();
      return progress;
    },
    arriveAtBarrier: (lane, position) => pipeline.arriveAtBarrier(lane, position),
    barrierDone: (position) => pipeline.barrierDone(position),
    writeSideState: (kept) => pipeline.writeSideState(kept),
    reset: () => pipeline.reset(),
    close: () => rows.close(),
    ...(rows.transaction === undefined
      ? apart
      : together((work) => rows.transaction!((inside) => work(inside)))),
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof WeirError && error.code === 'ROW_REFUSED';
}

/** Some of it may have to wait, or are known to be refused. */
function needsCare({ moves }: Extract<Barrier, { kind: 'move' }>, parked: boolean): boolean {
  return parked || moves.some(({ failed }) => failed !== undefined);
}

/** What becomes of what is parked. */
function emptied(barrier: Barrier): StateStep {
  if (barrier.kind !== 'truncate') return [];
  return settleNamespaces(barrier.relations.map(({ namespace }) => namespace));
}

async function saveRelation(state: StateStore, barrier: Barrier): Promise<void> {
  if (barrier.kind !== 'relation') return;
  if (!(await state.commit(changeRelation(barrier.after))))
    throw new WeirError(
      'POSITION_LOST',
      'the state of this pipeline is gone; run `weir reset` and copy again',
    );
}

function refuseUnknownChange(barrier: Barrier): void {
  const [found] = barrier.kind === 'relation' ? unknownChange(barrier) : [];
  if (found !== undefined)
    throw new WeirError('SCHEMA_CHANGED', `${found.subject} ${found.message}`);
}

/** Nobody here could tell it mended. */
function unknownChange({ after, changes = [] }: RelationBarrier): Finding[] {
  if (changes.length === 0) return [];
  const said = changes.map(({ says }) => says).join('; ');
  return [
    {
      level: 'error',
      subject: after.relation.namespace,
      message: `changed at the source in a way that cannot be followed: ${said}; run \`weir reset\` and copy again`,
      code: 'SCHEMA_CHANGED',
    },
  ];
}
