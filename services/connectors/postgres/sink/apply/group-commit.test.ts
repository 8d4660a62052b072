import { expect, test } from 'vitest';
import { FIRST_POSITION } from '../../../../../shared/change/position.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { MOST_ROWS } from './small-batch.ts';
import { GroupCommit } from './group-commit.ts';

const relation: Relation = {
  namespace: 'public.t',
  columns: [{ name: 'id', type: 'integer', encoding: 'binary' }],
  key: [0],
  identity: 'key',
  order: 'key',
};

function batchOf(lane: number, rows = 1): LaneBatch {
  const at = { lane, epoch: 1, readerEpoch: 1, sequence: 1, position: FIRST_POSITION };
  const upserts = Array.from({ length: rows }, () => Buffer.alloc(2));
  const changes = [{ relation, upserts, partial: [], deletes: [] }];
  return { before: at, after: at, changes, counts: new Map() };
}

/** Transactions that end when they are told to; `log` has the lanes of each as it begins. */
function grouping() {
  const log: string[] = [];
  const ends: ((left?: number[] | Error) => void)[] = [];
  const begin = (name: string, batches: readonly LaneBatch[]): Promise<LaneBatch[]> => {
    log.push(`${name} ${batches.map(({ before }) => before.lane).join()}`);
    return new Promise((resolve, reject) =>
      ends.push((left = []) =>
        left instanceof Error
          ? reject(left)
          : resolve(batches.filter(({ before }) => left.includes(before.lane))),
      ),
    );
  };
  const group = new GroupCommit({
    alone: async (batch) => void (await begin('alone', [batch])),
    together: (batches) => begin('together', batches),
  });
  const begun = (count: number) => expect.poll(() => log.length, { interval: 1 }).toBe(count);
  return { group, log, ends, begun };
}

test('what comes in the same moment shares a transaction in the order of its lanes, large batches have their own', async () => {
  const { group, log, ends, begun } = grouping();
  const written = [batchOf(2), batchOf(0), batchOf(1, MOST_ROWS + 1)].map((b) => group.write(b));
  await begun(2);
  expect(log).toEqual(['alone 1', 'together 0,2']);
  for (const end of ends) end();
  await Promise.all(written);
});

test('what comes while a transaction runs goes into the next, and beside it where it takes long', async () => {
  const { group, log, ends, begun } = grouping();
  const slow = group.write(batchOf(0));
  await begun(1);
  const others = [group.write(batchOf(1)), group.write(batchOf(2))];
  // The first has not ended.
  await begun(2);
  expect(log).toEqual(['alone 0', 'together 1,2']);
  ends[1]!();
  await Promise.all(others);
  ends[0]!();
  await slow;
});

test('what cannot be written together is written alone, and only a failure of all is one of each', async () => {
  const { group, log, ends, begun } = grouping();
  const first = [group.write(batchOf(0)), group.write(batchOf(1))];
  await begun(1);
  ends[0]!([1]);
  await first[0];
  await begun(2);
  expect(log).toEqual(['together 0,1', 'alone 1']);
  ends[1]!(new Error('refused'));
  await expect(first[1]).rejects.toThrow('refused');

  const second = [group.write(batchOf(0)), group.write(batchOf(1))];
  await begun(3);
  ends[2]!(new Error('connection lost'));
  const outcomes = await Promise.allSettled(second);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
