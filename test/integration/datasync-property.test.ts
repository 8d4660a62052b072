import { randomInt } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileState, memoryState, type WatchState } from '../../shared/datasync/index.ts';
import { localHarness } from '../support/datasync/local-harness.ts';
import { natsHarness } from '../support/datasync/nats-harness.ts';
import { RecordedWatch } from '../support/datasync/recorded-watch.ts';
import { seededRandom } from '../support/datasync/seeded-random.ts';
import type { MakeHarness } from '../support/datasync/store-harness.ts';
import { useDatasync } from '../support/datasync/use-datasync.ts';
import { useNats } from '../support/servers.ts';

const nats = useNats();

const STORES: [string, number, MakeHarness][] = [
  ['local', 1, localHarness],
  ['local', 5, localHarness],
  ['nats', 1, (options) => natsHarness(nats, options)],
  ['nats', 5, (options) => natsHarness(nats, options)],
];

/** WEIR_SEED plays one again; WEIR_ROUNDS plays so many. */
const FIRST = Number(process.env['WEIR_SEED'] ?? randomInt(2 ** 31));
const SEEDS = Array.from({ length: Number(process.env['WEIR_ROUNDS'] ?? 1) }, (_, n) => FIRST + n);
const STEPS = 120;

describe.each(STORES)('random events over %s with a history of %i', (_, history, make) => {
  const use = useDatasync(make, { history });

  const promise =
    "whatever happens, each watcher's copy ends as the store, nothing goes backwards, previous is what it had, no delete is missed";

  test.each(SEEDS)(`${promise} (seed %i)`, async (seed) => {
    const random = seededRandom(seed);
    const pub = use.clients.add(use.harness.outside()).publisher();
    const store = new Map<string, unknown>();
    let applies = 0;
    /** Handlers take a moment, and fail by chance. */
    const before = async (): Promise<void> => {
      applies++;
      for (let turns = random(4); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
      if (random(12) === 0) throw new Error('by chance');
    };
    const states: Record<string, () => WatchState> = {
      file: () => fileState(path.join(use.folder, 'file')),
      all: () => fileState(path.join(use.folder, 'all')),
      memory: () => memoryState(),
    };
    const prefixes: Record<string, string[]> = { file: ['a.', 'b.'], all: [''], memory: ['a.'] };
    const options = (each: string): Parameters<typeof RecordedWatch.start>[1] => ({
      name: each,
      prefixes: prefixes[each]!,
      after: [],
      attempts: 1_000,
      maxBytes: 100,
      mode: each === 'all' ? 'every' : 'latest',
      state: states[each]!(),
    });
    const watches = new Map<string, RecordedWatch>();
    for (const each of Object.keys(states))
      watches.set(each, await RecordedWatch.start(use.sync, options(each), before));
    let isConnected = true;
    const steps: [number, () => Promise<unknown>][] = [
      [50, put],
      [25, remove],
      [4, () => use.harness.purge()],
      [4, restart],
      [3, disconnect],
      [6, reconnect],
      [2, () => use.sync.resync({ only: [[...watches.keys()][random(3)]!] }).catch(() => 0)],
      [1, recreate],
    ];
    const total = steps.reduce((sum, [weight]) => sum + weight, 0);
    const resyncs: Promise<unknown>[] = [];
    for (let step = 0; step < STEPS; step++) {
      let at = random(total);
      const [, act] = steps.find(([weight]) => (at -= weight) < 0)!;
      // A RESYNC that was asked for while the store is away comes when it is back.
      if (steps[6]![1] === act) resyncs.push(act());
      else await act();
      for (let turns = random(12); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
    }
    await reconnect();
    await pub.put('a.end', 'end');
    store.set('a.end', 'end');
    for (const [each, watch] of watches) {
      const wanted = [...store].filter(([key]) =>
        prefixes[each]!.some((one) => key.startsWith(one)),
      );
      await expect
        .poll(() => Object.fromEntries([...watch.copy].sort()), { timeout: 60_000 })
        .toEqual(Object.fromEntries(wanted.sort()));
      expect(watch.faults).toEqual([]);
    }
    await Promise.all(resyncs);
    expect(applies).toBeGreaterThanOrEqual(watches.size);

    function key(): string {
      return `${['a', 'b', 'c'][random(3)]!}.${random(6)}`;
    }
    async function put(): Promise<void> {
      const [where, value] = [key(), random(1e6)];
      await pub.put(where, value);
      store.set(where, value);
    }
    async function remove(): Promise<void> {
      const where = key();
      await pub.delete(where);
      store.delete(where);
    }
    async function restart(): Promise<void> {
      const each = [...watches.keys()][random(3)]!;
      const watch = watches.get(each)!;
      await watch.watch.close();
      // What a program with a state in memory has does not outlive it either.
      if (each === 'memory') watch.copy.clear();
      await watch.restart(use.sync, options(each));
    }
    async function disconnect(): Promise<void> {
      if (isConnected) await use.harness.disconnect();
      isConnected = false;
    }
    async function reconnect(): Promise<void> {
      if (!isConnected) await use.harness.reconnect();
      isConnected = true;
    }
    async function recreate(): Promise<void> {
      await use.harness.recreate();
      store.clear();
    }
  });
});
