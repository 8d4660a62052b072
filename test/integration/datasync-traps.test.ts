import { randomInt } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileState, type Publisher, type WatchState } from '../../shared/datasync/index.ts';
import { Gate } from '../support/datasync/gate.ts';
import { localHarness } from '../support/datasync/local-harness.ts';
import { natsHarness } from '../support/datasync/nats-harness.ts';
import { RecordedWatch } from '../support/datasync/recorded-watch.ts';
import type { MakeHarness } from '../support/datasync/store-harness.ts';
import { useDatasync } from '../support/datasync/use-datasync.ts';
import { useNats } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const nats = useNats();

/** What watches of others have fallen for, over each store. */
const STORES: [string, MakeHarness][] = [
  ['local', localHarness],
  ['nats', (options) => natsHarness(nats, options)],
];

describe.each(STORES)('traps over %s', (_, makeHarness) => {
  const use = useDatasync(makeHarness);
  const file = (which: string): WatchState => fileState(path.join(use.folder, which));
  const outside = (): Publisher => use.clients.add(use.harness.outside()).publisher();

  test('a delete whose marker is purged while the connection is broken is told when it is back', async () => {
    const pub = outside();
    await pub.put('a', 1);
    await pub.put('b', 1);
    const watch = await RecordedWatch.start(use.sync, { name: 'w' });
    await watch.inSync();
    await use.harness.disconnect();
    await pub.delete('a');
    await use.harness.purge();
    await use.harness.reconnect();
    await watch.lacks('a');
    expect(watch.resyncs.at(-1)).toMatchObject({ cause: 'compacted', removed: ['a'] });
    expect(watch.faults).toEqual([]);
  });

  test('a create that still waits when a snapshot without it arrives is told as removed', async () => {
    const pub = outside();
    const watch = await RecordedWatch.start(
      use.sync,
      { name: 'w', parallel: 1 },
      async (event, signal) => {
        if (event.kind === 'put') await new Gate().passedOr(signal);
      },
    );
    await watch.inSync();
    await pub.put('first', 1);
    await waitFor('work', () => watch.watch.waiting === 1);
    await pub.put('queued', 1);
    await waitFor('a queue', () => watch.watch.waiting === 2);
    await use.harness.disconnect();
    await pub.delete('queued');
    await use.harness.purge();
    await use.harness.reconnect();
    await waitFor('RESYNC', () => watch.resyncs.length === 2);
    expect(watch.resyncs[1]).toMatchObject({ items: ['first'], removed: ['queued'] });
  });

  test.each([1, 5, 9])(
    'a store that was made anew and has %i messages where there were 5 is told from its beginning',
    async (messages) => {
      const pub = outside();
      for (const key of ['a', 'b', 'c']) await pub.put(key, 'old');
      const options = { name: 'w', state: file('w') };
      const watch = await RecordedWatch.start(use.sync, options);
      await pub.put('d', 'old');
      await watch.has('d', 'old');
      await pub.delete('d');
      await watch.lacks('d');
      await watch.watch.close();
      await use.harness.recreate();
      for (let n = 1; n <= messages; n++) await pub.put(`n${n}`, 'new');
      await watch.restart(use.sync, { ...options, state: file('w') });
      await watch.inSync();
      expect(watch.resyncs.at(-1)).toMatchObject({ cause: 'recreated', removed: ['a', 'b', 'c'] });
      expect(watch.copy.size).toBe(messages);
      // Its revision is lower than that of its delete was.
      await pub.put('d', 'new');
      await watch.has('d', 'new');
      expect(watch.faults).toEqual([]);
    },
  );

  test('a store that is made anew under a live watch is told from its beginning', async () => {
    const pub = outside();
    await pub.put('a', 1);
    const watch = await RecordedWatch.start(use.sync, { name: 'w' });
    await watch.inSync();
    await use.harness.recreate();
    await pub.put('b', 2);
    await watch.has('b', 2);
    await watch.lacks('a');
    expect(watch.resyncs.at(-1)).toMatchObject({ cause: 'recreated' });
  });

  test('a store that was put back to an older copy and uses its revisions again is noticed', async () => {
    const pub = outside();
    await pub.put('a', 1);
    await pub.put('b', 1);
    const restore = await use.harness.backup();
    for (let n = 2; n <= 5; n++) await pub.put('a', n);
    const options = { name: 'w', state: file('w') };
    const watch = await RecordedWatch.start(use.sync, options);
    await watch.has('a', 5);
    await watch.watch.close();
    await restore();
    const again = outside();
    for (let n = 1; n <= 5; n++) await again.put('c', n);
    await watch.restart(use.sync, { ...options, state: file('w') });
    await watch.has('a', 1);
    await watch.has('c', 5);
    expect(watch.resyncs.at(-1)).toMatchObject({ cause: 'rolled-back' });
    expect(watch.faults).toEqual([]);
  });

  test('a handler that hangs through two RESYNCs changes nothing when it answers, and holds its key alone', async () => {
    const pub = use.sync.publisher();
    const gate = new Gate();
    let atOnce = 0;
    let hung = 0;
    const copy = new Map<string, unknown>();
    const resyncs: string[][] = [];
    const watch = await use.sync.watch({
      name: 'w',
      prefixes: [''],
      async resync({ items }) {
        const keys: string[] = [];
        for await (const item of items) {
          keys.push(item.key);
          copy.set(item.key, item.value);
        }
        resyncs.push(keys);
      },
      async change({ changes: [change] }) {
        if (change!.key !== 'held')
          return void copy.set(change!.key, 'value' in change! && change.value);
        expect(++atOnce).toBe(1);
        if (++hung === 1) await gate.passed;
        atOnce--;
        if (hung > 1 && change!.kind === 'put') {
          expect(change!.previous.is).toBe('none');
          copy.set('held', change!.value);
        }
      },
    });
    await watch.reachedState('in-sync');
    await pub.put('held', 1);
    await waitFor('the handler', () => hung === 1);
    await pub.put('other', 1);
    await use.sync.resync();
    const { revision } = await pub.put('held', 2);
    await use.sync.resync();
    expect(resyncs.slice(1)).toEqual([['other'], ['other']]);
    expect(watch.stuckKeys).toEqual(['held']);
    expect(hung).toBe(1);
    gate.open();
    await watch.reached({ revision });
    expect(copy.get('held')).toBe(2);
    expect(hung).toBe(2);
  });

  test('one poisoned value among 10,000 fails alone, also after a restart, until a good one comes', async () => {
    const pub = outside();
    const keys = Array.from({ length: 10_000 }, (_, n) => `k.${n}`);
    for (let at = 0; at < keys.length; at += 500)
      await Promise.all(keys.slice(at, at + 500).map((key) => pub.put(key, key)));
    const bad = new TextEncoder().encode('{ this is no JSON');
    await pub.put('k.5000', bad);
    const options = { name: 'w', prefixes: ['k.'] };
    const watch = await RecordedWatch.start(use.sync, { ...options, state: file('w') });
    await watch.inSync();
    expect(watch.copy.size).toBe(9_999);
    const { revision } = await pub.put('k.1', 'again', { applied: ['w'] });
    await watch.watch.reached({ revision });
    expect(watch.watch.failedKeys).toMatchObject([{ key: 'k.5000' }]);
    await expect(pub.put('k.5000', bad, { applied: ['w'] })).rejects.toMatchObject({
      code: 'NOT_APPLIED',
    });
    await watch.watch.close();
    await watch.restart(use.sync, { ...options, state: file('w') });
    await watch.inSync();
    expect(watch.resyncs).toHaveLength(1);
    expect(watch.watch.failedKeys).toMatchObject([{ key: 'k.5000' }]);
    await pub.put('k.5000', 'good', { applied: ['w'] });
    expect(watch.watch.failedKeys).toEqual([]);
    expect(watch.copy.size).toBe(10_000);
  });

  test('two consumers with overlapping prefixes are told the same, each with its own previous, and neither delays the other', async () => {
    const pub = use.sync.publisher();
    const gate = new Gate();
    const slow = await RecordedWatch.start(
      use.sync,
      { name: 'slow', prefixes: ['a.', 'a.b.'] },
      async (event) => {
        if (event.kind !== 'resync') await gate.passed;
      },
    );
    const quick = await RecordedWatch.start(use.sync, { name: 'quick', prefixes: ['a.b.'] });
    await Promise.all([slow.inSync(), quick.inSync()]);
    for (let n = 1; n <= 5; n++) await pub.put('a.b.c', n, { applied: ['quick'] });
    gate.open();
    await slow.has('a.b.c', 5);
    expect(quick.of('a.b.c').map((each) => 'previous' in each && each.previous)).toEqual([
      'none',
      1,
      2,
      3,
      4,
    ]);
    expect(slow.of('a.b.c')).toMatchObject([{ previous: 'none' }, { value: 5, previous: 1 }]);
    expect([...slow.faults, ...quick.faults]).toEqual([]);
  });

  test('dependants with handlers of random length see no change before their own RESYNC, and theirs comes after those they depend on', async () => {
    const pub = outside();
    const seed = randomInt(1e9);
    let state = seed;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const running = new Set<string>();
    const faults: string[] = [];
    const after: Record<string, string[]> = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] };
    const starts: string[] = [];
    const watches = await Promise.all(
      Object.keys(after).map((name) =>
        RecordedWatch.start(
          use.sync,
          { name, after: after[name]!, parallel: 3 },
          async ({ kind }, signal) => {
            if (kind !== 'resync') return;
            starts.push(name);
            for (const other of after[name]!)
              if (running.has(other)) faults.push(`${name} began while ${other} ran`);
            running.add(name);
            for (let turns = random(20); turns > 0 && !signal.aborted; turns--)
              await new Promise((resolve) => setImmediate(resolve));
            running.delete(name);
            if (random(6) === 0) throw new Error('by chance');
          },
        ),
      ),
    );
    const walks: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round++) {
      const key = `k${random(5)}`;
      await (random(4) === 0 ? pub.delete(key) : pub.put(key, round));
      if (random(3) === 0) walks.push(use.sync.resync());
    }
    const reports = new Set(await Promise.all(walks));
    await pub.put('end', 'end');
    for (const watch of watches) await watch.has('end', 'end');
    expect(reports.size, `seed ${seed}`).toBeLessThanOrEqual(walks.length);
    for (const watch of watches) {
      expect(watch.faults, `seed ${seed}`).toEqual([]);
      expect([...watch.copy].sort(), `seed ${seed}`).toEqual([...watches[0]!.copy].sort());
    }
    expect(faults, `seed ${seed}`).toEqual([]);
  });
});
