import { expect, test } from 'vitest';
import type { Logger } from 'pino';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import type { SourceSession } from '../../shared/connector/source.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { SnapshotCopier } from './snapshot-copier.ts';
import type { TargetClient } from './target-client.ts';

const chunk = (id: number): Chunk => ({
  id,
  namespace: 'a.b',
  cursor: null,
  how: 'load',
  dataType: 'x',
  estimatedBytes: 1,
});

function planOf(chunks: Chunk[], state: NamespacePlan['state']): PipelinePlan {
  const relation = { namespace: 'a.b', columns: [], key: [], identity: 'none', order: 'row' };
  const namespace = { relation, definition: null, state, chunks, chunksDone: 0, rowsDone: 0 };
  const positions = { start: FIRST_POSITION, settled: FIRST_POSITION };
  return {
    identity: 'x',
    start: FIRST_POSITION,
    snapshot: null,
    lanes: 1,
    namespaces: [{ ...namespace, ...positions } as NamespacePlan],
  };
}

test('a chunk that the target gets while its lane is asked for it is neither read again nor in the way', async () => {
  const plan = planOf([chunk(1), chunk(2)], 'copying');
  const read: number[] = [];
  const warned: string[] = [];
  const stop = new AbortController();
  let now = plan;
  let asked = 0;
  const copier: SnapshotCopier = new SnapshotCopier({
    session: {
      plan,
      listData: (each: Chunk) => Promise.resolve(void read.push(each.id)).then(() => ({ rows: 1 })),
    } as unknown as SourceSession,
    target: {
      askIfPresent: ({ op }: { op: string }) =>
        Promise.resolve(op === 'state' ? { plan: now } : undefined),
    } as unknown as TargetClient,
    publishers: [0, 1].map(
      () =>
        ({ send: () => undefined, drained: () => Promise.resolve() }) as unknown as LanePublisher,
    ),
    // Empty each time it is looked at; and while it is, the news comes that the chunk is in.
    countWaiting: async () => {
      await Promise.resolve();
      if (++asked >= 5)
        for (const id of [1, 2]) {
          copier.onChunkDone(id, 1);
          now = planOf([], 'ready');
        }
      return 0;
    },
    readerEpoch: 1,
    readers: 1,
    transformed: false,
    onBadRow: 'stop',
    log: { warn: (_: unknown, text: string) => void warned.push(text) } as unknown as Logger,
    pollMs: 1,
  });
  await copier.run(stop.signal);

  expect(read).toEqual([1, 2]);
  expect(warned).toEqual([]);
  expect(copier.isDone).toBe(true);
});
