import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  fileState,
  metricsText,
  put,
  toRevision,
  type Transport,
} from '../../../shared/datasync/index.ts';
import { waitFor } from '../wait-for.ts';
import { Gate } from './gate.ts';
import { RecordedWatch } from './recorded-watch.ts';
import type { MakeHarness } from './store-harness.ts';
import { useDatasync } from './use-datasync.ts';

/** What every transport keeps: the contract in docs/datasync.md, point by point. */
export function registerDatasyncSuite(name: string, makeHarness: MakeHarness): void {
  describe(`datasync over ${name}`, () => {
    const use = useDatasync(makeHarness);
    const transport = (): Transport => use.harness.transport();
    const file = (which: string) => fileState(path.join(use.folder, which));

    test('a watch begins with everything under its prefixes, also when that is nothing', async () => {
      const pub = use.sync.publisher();
      await pub.put('a.1', 1);
      await pub.put('a.2', 2);
      await pub.delete('a.2');
      await pub.put('b.1', 3);
      const some = await RecordedWatch.start(use.sync, { name: 'some', prefixes: ['a.'] });
      const none = await RecordedWatch.start(use.sync, { name: 'none', prefixes: ['c.'] });
      await Promise.all([some.inSync(), none.inSync()]);
      expect(some.told).toMatchObject([{ kind: 'resync', cause: 'start', items: ['a.1'] }]);
      expect(none.told).toMatchObject([{ kind: 'resync', items: [], removed: [] }]);
    });

    test('no change comes before RESYNC is done, and a failed one is repeated with what is there then', async () => {
      const pub = use.sync.publisher();
      await pub.put('a.1', 1);
      let tries = 0;
      const gate = new Gate();
      const watch = await RecordedWatch.start(use.sync, { name: 'w' }, async ({ kind }) => {
        if (kind !== 'resync') return;
        if (++tries === 1) {
          await gate.passed;
          throw new Error('not yet');
        }
      });
      await waitFor('the first RESYNC', () => tries === 1);
      await pub.put('a.2', 2);
      await pub.delete('a.1');
      gate.open();
      await watch.inSync();
      await watch.has('a.2', 2);
      expect(watch.told[0]).toMatchObject({ kind: 'resync' });
      expect([...watch.copy.keys()]).toEqual(['a.2']);
      expect(watch.faults).toEqual([]);
    });

    test('while RESYNC fails the watch is degraded', async () => {
      let isWell = false;
      const watch = await RecordedWatch.start(use.sync, { name: 'w' }, () => {
        if (!isWell) throw new Error('no');
      });
      await watch.watch.reachedState('degraded');
      isWell = true;
      await watch.inSync();
    });

    test('nothing is missed while the connection breaks again and again', async () => {
      const pub = use.clients.add(transport()).publisher();
      const watch = await RecordedWatch.start(use.sync, { name: 'w' });
      await watch.inSync();
      for (let round = 1; round <= 3; round++) {
        await pub.put(`a.${round}`, round);
        await use.harness.disconnect();
        await use.harness.reconnect();
        await pub.put('a.0', round);
        await pub.delete(`a.${round - 1}`);
      }
      await pub.put('a.0', 'end');
      await watch.has('a.0', 'end');
      await watch.lacks('a.2');
      expect(Object.fromEntries(watch.copy)).toEqual({ 'a.0': 'end', 'a.3': 3 });
      expect(watch.faults).toEqual([]);
    });

    test('a delete is told though its marker was purged before the watch came back', async () => {
      const pub = use.clients.add(transport()).publisher();
      await pub.put('a.1', 1);
      await pub.put('a.2', 2);
      const watch = await RecordedWatch.start(use.sync, { name: 'w', state: file('w') });
      await watch.inSync();
      await watch.watch.close();
      await pub.delete('a.1');
      await use.harness.purge();
      await pub.put('a.3', 3);
      await watch.restart(use.sync, { name: 'w', state: file('w') });
      await watch.lacks('a.1');
      expect(watch.resyncs.at(-1)).toMatchObject({ cause: 'compacted', removed: ['a.1'] });
      expect(watch.faults).toEqual([]);
    });

    test('previous is what this watch has answered, not what the store had before', async () => {
      const pub = use.sync.publisher();
      const gate = new Gate();
      const watch = await RecordedWatch.start(use.sync, { name: 'w' }, async ({ kind }) => {
        if (kind === 'put') await gate.passed;
      });
      await watch.inSync();
      await pub.put('a', 1);
      await pub.delete('a');
      const { revision } = await pub.put('a', 3);
      gate.open();
      await watch.watch.reached({ revision });
      const [first, last, ...more] = watch.of('a');
      expect(first).toMatchObject({ kind: 'put' });
      expect(more).toEqual([]);
      if (last !== undefined) expect(last).toMatchObject({ kind: 'put', value: 3, previous: 1 });
      expect(watch.faults).toEqual([]);
    });

    test('previous is unknown, never none, where a state in memory cannot know it', async () => {
      await use.sync.publisher().put('a', 1);
      const said: string[] = [];
      const watch = await use.sync.watch({
        name: 'w',
        prefixes: [''],
        async resync({ items }) {
          for await (const { previous } of items) said.push(previous.is);
        },
        change: ({ changes }) => void said.push(...changes.map(({ previous }) => previous.is)),
      });
      await watch.reachedState('in-sync');
      await use.sync.publisher().put('b', 2, { applied: ['w'] });
      expect(said).toEqual(['unknown', 'none']);
    });

    test('each key is worked on one at a time, several keys at once, and what waits is folded', async () => {
      const pub = use.sync.publisher();
      const running = new Map<string, number>();
      let most = 0;
      const gate = new Gate();
      const watch = await RecordedWatch.start(
        use.sync,
        { name: 'w', parallel: 2 },
        async (event) => {
          if (event.kind === 'resync') return;
          expect(running.get(event.key) ?? 0).toBe(0);
          running.set(event.key, 1);
          most = Math.max(most, [...running.values()].filter((count) => count > 0).length);
          await gate.passed;
          running.set(event.key, 0);
        },
      );
      await watch.inSync();
      for (let value = 1; value <= 20; value++)
        for (const key of ['a', 'b', 'c']) await pub.put(key, value);
      await waitFor('two at once', () => most === 2);
      gate.open();
      for (const key of ['a', 'b', 'c']) await watch.has(key, 20);
      expect(watch.of('a').length).toBeLessThan(20);
      expect(most).toBe(2);
      expect(watch.faults).toEqual([]);
    });

    test('an error makes its key come again, alone; after all attempts it is failed, shown, and tried again with a newer value', async () => {
      const pub = use.sync.publisher();
      let calls = 0;
      const watch = await RecordedWatch.start(use.sync, { name: 'w', attempts: 3 }, (event) => {
        if (event.kind === 'put' && event.value === 'bad') {
          calls++;
          throw new Error('I will not');
        }
      });
      await watch.inSync();
      await pub.put('a', 'bad');
      await pub.put('b', 'good', { applied: ['w'] });
      await waitFor('a failed', () => watch.watch.failedKeys.length === 1);
      expect(calls).toBe(3);
      expect(watch.watch.failedKeys).toMatchObject([
        { key: 'a', error: 'I will not', attempts: 3 },
      ]);
      await pub.put('a', 'good', { applied: ['w'] });
      expect(watch.watch.failedKeys).toEqual([]);
      expect(watch.faults).toEqual([]);
    });

    test('a handler that does not answer in time has failed, and its late answer counts for nothing', async () => {
      const pub = use.sync.publisher();
      const gate = new Gate();
      let calls = 0;
      let atOnce = 0;
      const watch = await use.sync.watch({
        name: 'w',
        prefixes: [''],
        doneMs: 100,
        resync: () => undefined,
        async change() {
          calls++;
          expect(++atOnce).toBe(1);
          if (calls === 1) await gate.passed;
          atOnce--;
        },
      });
      await watch.reachedState('in-sync');
      const { revision } = await pub.put('a', 1);
      await watch.reachedState('degraded');
      expect(watch.stuckKeys).toEqual(['a']);
      expect(watch.revision! < revision).toBe(true);
      expect(calls).toBe(1);
      gate.open();
      await watch.reached({ revision });
      expect(calls).toBe(2);
    });

    test('a publisher learns when its value is applied, and in the words of the consumer why not', async () => {
      const pub = use.clients.add(transport()).publisher();
      const watch = await RecordedWatch.start(
        use.sync,
        { name: 'edge', attempts: 2, prefixes: ['cfg/'] },
        (event) => {
          if (event.kind === 'put' && event.value === 'bad') throw new Error('no such interface');
        },
      );
      await pub.put('cfg/1', 'good', { applied: ['edge'] });
      expect(watch.copy.get('cfg/1')).toBe('good');
      await expect(pub.put('cfg/2', 'bad', { applied: ['edge'] })).rejects.toMatchObject({
        code: 'NOT_APPLIED',
        message: expect.stringContaining('no such interface') as string,
      });
      await pub.put('cfg/2', 'good', { applied: ['edge'] });
      await expect(pub.put('other', 1, { applied: ['edge'] })).rejects.toMatchObject({
        code: 'INVALID',
      });
      await expect(
        pub.put('cfg/3', 1, { applied: ['nobody'], timeoutMs: 200 }),
      ).rejects.toMatchObject({ code: 'TIMEOUT' });
    });

    test('a restart goes on without RESYNC where nothing was forgotten', async () => {
      const pub = use.clients.add(transport()).publisher();
      await pub.put('a.1', 1);
      await pub.put('a.2', 1);
      const watch = await RecordedWatch.start(use.sync, { name: 'w', state: file('w') });
      await watch.inSync();
      await watch.watch.close();
      await pub.put('a.1', 2);
      await pub.delete('a.2');
      await watch.restart(use.sync, { name: 'w', state: file('w') });
      await watch.has('a.1', 2);
      await watch.lacks('a.2');
      expect(watch.resyncs).toHaveLength(1);
      expect(watch.of('a.1')).toMatchObject([{ previous: 1 }]);
      expect(watch.of('a.2')).toMatchObject([{ kind: 'delete', previous: 1 }]);
      expect(watch.faults).toEqual([]);
    });

    test('what was not answered when a watch ended comes again', async () => {
      const pub = use.clients.add(transport()).publisher();
      const gate = new Gate();
      const watch = await RecordedWatch.start(
        use.sync,
        { name: 'w', state: file('w') },
        async (event, signal) => {
          if (event.kind !== 'resync') await gate.passedOr(signal);
        },
      );
      await watch.inSync();
      await pub.put('a', 1);
      await waitFor('work', () => watch.watch.waiting > 0);
      await watch.watch.close();
      expect(watch.of('a')).toEqual([]);
      gate.open();
      await watch.restart(use.sync, { name: 'w', state: file('w') });
      await watch.has('a', 1);
      expect(watch.resyncs).toHaveLength(1);
    });

    test('an idle watch goes on with the store, so that its news are never old', async () => {
      const pub = use.sync.publisher();
      const watch = await RecordedWatch.start(use.sync, { name: 'w', prefixes: ['a.'] });
      const { revision } = await pub.put('b', 1);
      await watch.watch.reached({ revision });
      expect(watch.watch.state).toBe('in-sync');
      await use.harness.disconnect();
      await watch.watch.reachedState('behind');
      await use.harness.reconnect();
      await watch.inSync();
      expect(watch.resyncs).toHaveLength(1);
    });

    test('above maxBytes values are read again when their turn comes, and nothing is dropped', async () => {
      const pub = use.sync.publisher();
      const gate = new Gate();
      for (let n = 0; n < 20; n++) await pub.put(`a.${n}`, `${n}`.repeat(100));
      const watch = await RecordedWatch.start(
        use.sync,
        { name: 'w', maxBytes: 300, parallel: 1, state: file('w') },
        async (event) => {
          if (event.kind !== 'resync') await gate.passed;
        },
      );
      await watch.inSync();
      for (let n = 0; n < 20; n++) await pub.put(`a.${n}`, `${n}`.repeat(200));
      await waitFor('all wait', () => watch.watch.waiting === 20);
      expect(watch.watch.waitingBytes).toBeLessThanOrEqual(300);
      gate.open();
      for (let n = 0; n < 20; n++) await watch.has(`a.${n}`, `${n}`.repeat(200));
      expect(watch.faults).toEqual([]);
    });

    test('RESYNC reaches consumers in the order of their registration, or after those they name', async () => {
      const order: string[] = [];
      const begin = (name: string, after?: string[]): Promise<RecordedWatch> =>
        RecordedWatch.start(
          use.sync,
          { name, ...(after === undefined ? {} : { after }) },
          async ({ kind }) => {
            if (kind !== 'resync') return;
            order.push(`${name}(`);
            await new Promise((resolve) => setImmediate(resolve));
            order.push(`)${name}`);
          },
        );
      await begin('routes', ['interfaces']);
      const interfaces = await begin('interfaces', []);
      const last = await begin('rules');
      await last.inSync();
      await interfaces.inSync();
      await waitFor('all', () => order.length === 6);
      expect(order.indexOf(')interfaces')).toBeLessThan(order.indexOf('routes('));
      expect(order.indexOf(')interfaces')).toBeLessThan(order.indexOf('rules('));
      const report = await use.sync.resync();
      expect(report.consumers).toMatchObject([
        { name: 'routes', outcome: 'done', cause: 'manual' },
        { name: 'interfaces', outcome: 'done' },
        { name: 'rules', outcome: 'done' },
      ]);
      expect(order.lastIndexOf(')interfaces')).toBeLessThan(order.lastIndexOf('routes('));
      await expect(
        use.sync.watch({ name: 'x', prefixes: [''], after: ['x'] }),
      ).rejects.toMatchObject({ code: 'INVALID' });
    });

    test('a failed critical consumer stops those after it, and triggers during a walk make exactly one more', async () => {
      let fails = false;
      let walks = 0;
      const first = await RecordedWatch.start(use.sync, { name: 'first', critical: true }, () => {
        walks++;
        if (fails) throw new Error('broken');
      });
      const second = await RecordedWatch.start(use.sync, { name: 'second' });
      await second.inSync();
      fails = true;
      const report = await use.sync.resync();
      expect(report.consumers).toMatchObject([
        { name: 'first', outcome: 'failed', error: 'broken' },
        { name: 'second', outcome: 'skipped' },
      ]);
      fails = false;
      await Promise.all([first.inSync(), second.inSync()]);
      walks = 0;
      await Promise.all([1, 2, 3, 4, 5].map(() => use.sync.resync()));
      expect(walks).toBe(2);
    });

    test('a batch is one event where the store keeps it together, else it is refused by name', async () => {
      const { capabilities } = transport();
      const pub = use.sync.publisher();
      const watch = await RecordedWatch.start(use.sync, { name: 'w' });
      await watch.inSync();
      const batch = pub.batch([put('a', 1), put('b', 2)], { applied: ['w'] });
      if (!capabilities.transactions) {
        await expect(batch).rejects.toMatchObject({
          code: 'UNSUPPORTED',
          message: expect.stringContaining('batch') as string,
        });
        return;
      }
      const { revision } = await batch;
      expect(watch.told.slice(1)).toMatchObject([
        { key: 'a', revision },
        { key: 'b', revision },
      ]);
    });

    test('what the store cannot keep is refused by name, what it can is kept', async () => {
      const { capabilities } = transport();
      const writer = use.clients.add(transport());
      const watch = await RecordedWatch.start(use.sync, { name: 'w' });
      const mine = writer.publisher().put('mine', 1, { lifetime: 'client', applied: ['w'] });
      if (capabilities.clientLifetime) {
        await mine;
        await writer.close();
        await watch.lacks('mine');
      } else await expect(mine).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      const brief = use.sync.publisher().put('brief', 1, { ttlMs: 50 });
      if (capabilities.timeToLive) {
        await brief;
        await watch.lacks('brief');
      } else await expect(brief).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      await expect(watch.watch.reached({ position: 'x' })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
      });
    });

    test('a write with a revision is stored only if the key has that one', async () => {
      const pub = use.sync.publisher();
      const { revision } = await pub.put('a', 1, { ifRevision: toRevision(0) });
      await expect(pub.put('a', 2, { ifRevision: toRevision(0) })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      const next = await pub.put('a', 2, { ifRevision: revision });
      await expect(pub.delete('a', { ifRevision: revision })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await pub.delete('a', { ifRevision: next.revision });
      await pub.put('a', 3, { ifRevision: toRevision(0) });
    });

    test('a prefix that is added is told whole, alone; one that overlaps is refused', async () => {
      const pub = use.sync.publisher();
      await pub.put('a.1', 1);
      await pub.put('b.1', 2);
      const watch = await RecordedWatch.start(use.sync, { name: 'w', prefixes: ['a.'] });
      await watch.inSync();
      await watch.watch.addPrefix('b.');
      expect(watch.resyncs).toMatchObject([
        { cause: 'start', items: ['a.1'] },
        { cause: 'prefix-added', items: ['b.1'] },
      ]);
      await expect(watch.watch.addPrefix('b.1')).rejects.toMatchObject({ code: 'INVALID' });
      await pub.put('b.2', 3, { applied: ['w'] });
      await use.sync.resync({ only: ['w'] });
      expect(watch.resyncs.at(-1)).toMatchObject({ items: ['a.1', 'b.1', 'b.2'] });
      expect(watch.faults).toEqual([]);
    });

    test('events can be pulled one by one, and an answer with an error brings them again', async () => {
      const pub = use.sync.publisher();
      await pub.put('a', 1);
      const watch = await use.sync.watch({ name: 'w', prefixes: [''] });
      const seen: string[] = [];
      for await (const event of watch.pull()) {
        seen.push(event.kind === 'resync' ? 'resync' : event.changes[0]!.key);
        if (seen.length === 1) {
          await pub.put('b', 2);
          event.done();
          event.done(new Error('too late'));
        } else if (seen.length === 2) event.done(new Error('again'));
        else {
          event.done();
          break;
        }
      }
      expect(seen).toEqual(['resync', 'b', 'b']);
    });

    test('states, failures and RESYNCs are told as events, and counted', async () => {
      const kinds = new Set<string>();
      const listening = (async () => {
        for await (const event of use.sync.events()) kinds.add(event.kind);
      })();
      const watch = await RecordedWatch.start(use.sync, { name: 'w', attempts: 1 }, ({ kind }) => {
        if (kind === 'put') throw new Error('no');
      });
      await watch.inSync();
      await expect(use.sync.publisher().put('a', 1, { applied: ['w'] })).rejects.toThrow('no');
      const text = metricsText(use.sync.metrics());
      expect(text).toContain('datasync_failed_keys{watch="w"} 1\n');
      expect(text).toContain('datasync_resyncs_total{watch="w",cause="start"} 1\n');
      await use.sync.close();
      await listening;
      expect([...kinds].sort()).toEqual(['failed', 'phase', 'resync']);
    });
  });
}
