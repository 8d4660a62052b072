import type { Position } from '../change/position.ts';
import type { SinkCapabilities } from '../connector/connector.ts';
import type { Finding } from '../connector/finding.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import type { ChunkHead, ChunkOutcome, LaneBatch, LaneProgress, Sink } from '../connector/sink.ts';
import type { Barrier, RelationBarrier } from '../change/barrier.ts';
import { WeirError } from '../errors/weir-error.ts';
import { markChunk } from './chunk-steps.ts';
import { changeRelation, finishNamespace } from './plan-steps.ts';
import type { RowSink } from './row-sink.ts';
import type { StateStore } from './state-store.ts';
import { limitsOf, StoredPipeline } from './stored-pipeline.ts';

/**
 * A sink made of where the state lies and of what writes rows. Where rows have a transaction with the state, both are
 * there as one. Where they have not, rows are written first and the state moves then: what is interrupted between the two
 * is written again. Where what changes tables is part of no transaction, barriers are of the latter kind in either case.
 */
export function sinkOver(
  { ddl }: Pick<SinkCapabilities, 'ddl'>,
  state: StateStore,
  rows: RowSink,
): Sink {
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

  const apart = {
    writeData: (chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<ChunkOutcome> =>
      pipeline.takeChunk(
        chunk,
        () => rows.load(chunk, parts),
        async () => rows.count?.(chunk),
      ),
    async writeUpdates(batch: LaneBatch): Promise<void> {
      if (batch.changes.length > 0) await pipeline.refuseStale(batch);
      const note = await rows.apply(batch);
      await pipeline.moveLane(batch, note);
      await rows.applied?.(note);
    },
    async runBarrier(batch: LaneBatch, barrier: Barrier): Promise<void> {
      refuseUnknownChange(barrier);
      await pipeline.refuseStale(batch);
      await rows.runBarrier(batch, barrier);
      // Before the lane moves, for the others go on as soon as it has; done twice is as good as once.
      await saveRelation(state, barrier);
      await pipeline.moveLane(batch);
    },
  };

  const together = (transaction: NonNullable<RowSink['transaction']>): typeof apart => ({
    writeData: (chunk, parts) =>
      transaction(async (inside) => {
        const judged = await new StoredPipeline(inside.state).judgeChunk(chunk);
        if (judged !== 'wanted') return judged;
        await inside.rows.load(chunk, parts);
        if (!(await inside.state.commit(markChunk(chunk))))
          throw new WeirError('FENCED', `chunk ${chunk.id} was taken by somebody else`);
        await inside.rows.count?.(chunk);
        return 'loaded';
      }),
    writeUpdates: (batch) =>
      transaction(async (inside) => {
        await new StoredPipeline(inside.state).moveLane(batch);
        await inside.rows.apply(batch);
      }),
    runBarrier: (batch, barrier) => {
      if (ddl === 'apart' && barrier.kind !== 'move') return apart.runBarrier(batch, barrier);
      return transaction(async (inside) => {
        refuseUnknownChange(barrier);
        await new StoredPipeline(inside.state).moveLane(batch);
        await saveRelation(inside.state, barrier);
        await inside.rows.runBarrier(batch, barrier);
      });
    },
  });

  return {
    parking: null,
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
