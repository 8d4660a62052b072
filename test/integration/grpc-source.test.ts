import { status } from '@grpc/grpc-js';
import { BSON, Decimal128, Long, ObjectId } from 'bson';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AdiomStore, type Document, partOf } from '../support/adiom-store.ts';
import type { StoreOptions } from '../support/adiom-store-options.ts';
import { DocumentFollower, documentsOf } from '../support/document-follower.ts';
import { waitFor } from '../support/wait-for.ts';

async function start(options: Partial<StoreOptions> = {}, port = 0): Promise<AdiomStore> {
  const store = await AdiomStore.start(options, port);
  onTestFinished(() => store.stop());
  return store;
}

function fill(store: AdiomStore, namespaces: string[], count: number): void {
  for (const namespace of namespaces)
    store.load(
      namespace,
      Array.from({ length: count }, (_, i) => ({ _id: `${namespace}-${i}`, n: i, big: Long.ONE })),
    );
}

function followerOf(
  store: AdiomStore,
  scope: ConstructorParameters<typeof DocumentFollower>[1] = {},
  query = '',
): DocumentFollower {
  return new DocumentFollower(`${store.url}${query}`, scope);
}

function expectEqual(store: AdiomStore, follower: DocumentFollower): void {
  for (const [namespace, table] of store.namespaces)
    expect(follower.documents(namespace)).toEqual(documentsOf(table));
}

describe('the copy from a foreign connector', () => {
  it('has every document once, through pages, empty pages and partitions, each asked for with its header', async () => {
    const store = await start({ emptyPages: 2, partitions: 3 });
    fill(store, ['a.x', 'a.y'], 75);
    const follower = followerOf(store);
    await follower.open();
    expect(await follower.copy()).toBe(150);
    expectEqual(store, follower);
    const pages = store.callsOf('ListData');
    for (const { request, metadata } of pages) {
      const partition = request['partition'] as Document;
      expect(metadata.get('x-part')).toEqual([partition['partition_value']]);
      expect(partition['estimated_count']).toBe('75');
    }
    await follower.close({ durable: false });
  });

  it.each([
    status.UNAVAILABLE,
    status.ABORTED,
    status.RESOURCE_EXHAUSTED,
    status.DEADLINE_EXCEEDED,
  ])(
    'tries a page again from its cursor after code %i, and reads no page twice that came',
    async (code) => {
      const store = await start();
      fill(store, ['a.x'], 50);
      store.fault({ method: 'ListData', after: 3, times: 2, code });
      const follower = followerOf(store);
      await follower.open();
      expect(await follower.copy()).toBe(50);
      const cursors = store
        .callsOf('ListData')
        .map(({ request }) => (request['cursor'] as Buffer).toString());
      expect(cursors).toEqual(['', '1', '2', '3', '3', '3', '4']);
      await follower.close({ durable: false });
    },
  );

  it('ends with the message of the peer where it refuses for good, at once', async () => {
    const store = await start();
    fill(store, ['a.x'], 50);
    store.fault({ method: 'ListData', after: 1, code: status.INTERNAL });
    const follower = followerOf(store);
    await follower.open();
    await expect(follower.copy()).rejects.toMatchObject({
      code: 'SOURCE_UNFIT',
      message: expect.stringContaining('failed to order') as string,
    });
    expect(store.callsOf('ListData')).toHaveLength(2);
    await follower.close({ durable: false });
  });

  it('reads a partition anew once where the peer has lost its place, then says so', async () => {
    const store = await start();
    fill(store, ['a.x'], 50);
    store.fault({ method: 'ListData', after: 2, code: status.NOT_FOUND });
    const follower = followerOf(store);
    await follower.open();
    await expect(follower.copy()).rejects.toMatchObject({ code: 'UNREACHABLE' });
    store.fault({ method: 'ListData', after: 2, code: status.NOT_FOUND });
    await expect(follower.copy()).rejects.toMatchObject({ code: 'SOURCE_UNFIT' });
    expect(await follower.copy()).toBe(50);
    await follower.close({ durable: false });
  });

  it('gives up a call that is not answered in time, and tries again', async () => {
    const store = await start();
    fill(store, ['a.x'], 10);
    store.fault({ method: 'ListData', delayMs: 5_000 });
    const follower = followerOf(store, {}, '?timeout=1s');
    await follower.open();
    expect(await follower.copy()).toBe(10);
    expect(store.callsOf('ListData')).toHaveLength(2);
    await follower.close({ durable: false });
  });

  it('takes a repeated cursor for what it is: a copy without end', async () => {
    const store = await start({ pageSize: 10 });
    fill(store, ['a.x'], 50);
    store.repeatCursorFrom(2);
    const follower = followerOf(store);
    await follower.open();
    await expect(follower.copy()).rejects.toThrow(/the same cursor twice/);
    await follower.close({ durable: false });
  });

  it('carries a message of more than 128 MiB', async () => {
    const store = await start({ pageSize: 10 });
    const piece = 'x'.repeat(14 << 20);
    store.load(
      'a.x',
      Array.from({ length: 10 }, (_, i) => ({ _id: i, piece })),
    );
    const follower = followerOf(store);
    await follower.open();
    expect(await follower.copy()).toBe(10);
    expect(store.callsOf('ListData')).toHaveLength(1);
    await follower.close({ durable: false });
  });

  it('takes JSON where the source offers it first, numbers as exact as they are, or what the URL asks for', async () => {
    const sourceTypes = ['DATA_TYPE_JSON_ID', 'DATA_TYPE_MONGO_BSON'];
    const store = await start({ sourceTypes, sinkTypes: [] });
    const text =
      '{"id":"k","small":1,"big":9007199254740993,"sum":0.1,"exact":12345678901234567890.123,"e":1e400,"s":"1\\"2","list":[{"a":null}]}';
    store.load('a.x', [{ _id: 'k' }]);
    store.raw = Buffer.from(text);
    const follower = followerOf(store);
    await follower.open();
    await follower.copy();
    const [row] = [...follower.exact('a.x').values()];
    expect(row).toEqual({
      _id: 'k',
      id: 'k',
      small: expect.objectContaining({ value: 1 }) as unknown,
      big: Long.fromString('9007199254740993'),
      sum: expect.objectContaining({ value: 0.1 }) as unknown,
      exact: Decimal128.fromString('12345678901234567890.123'),
      e: Decimal128.fromString('1e400'),
      s: '1"2',
      list: [{ a: null }],
    });
    await follower.close({ durable: false });
    store.raw = null;
    const other = followerOf(store, {}, '?documents=bson');
    await other.open();
    await other.copy();
    const types = store.callsOf('ListData').map(({ request }) => request['type']);
    expect(types).toEqual(['DATA_TYPE_JSON_ID', 'DATA_TYPE_MONGO_BSON']);
    await other.close({ durable: false });
  });
});

describe('the changes of a foreign connector', () => {
  const change = (store: AdiomStore, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const namespace = `a.${'xyz'[i % 3]!}`;
      const id = `${namespace}-${i % 20}`;
      if (i % 7 === 3) store.delete(namespace, id);
      else if (i % 5 === 2) store.insert(namespace, { _id: `new-${i}`, i });
      else store.update(namespace, { _id: id, i, at: new ObjectId() });
    }
  };

  it('come from several streams in one order of positions, a stream that breaks or ends going on from its last cursor', async () => {
    const store = await start({ streams: 3, cursorEvery: 2 });
    fill(store, ['a.x', 'a.y', 'a.z'], 20);
    const follower = followerOf(store);
    await follower.open();
    await follower.copy();
    store.fault({ method: 'StreamUpdates', late: 3, code: status.UNAVAILABLE, times: 3 });
    store.fault({ method: 'StreamUpdates', late: 2, code: status.OK, times: 1 });
    change(store, 0, 300);
    follower.follow();
    await follower.waitForChanges(300);
    const opened = store.callsOf('StreamUpdates');
    expect(opened.length).toBeGreaterThan(3);
    for (const { request, metadata } of opened) {
      const [stream] = (request['cursor'] as Buffer).toString().split(':');
      expect(metadata.get('x-stream')).toEqual([stream]);
      expect(request['namespaces']).toHaveLength(1);
    }
    change(store, 300, 330);
    await waitFor('everything', () => {
      expectEqual(store, follower);
      return true;
    });
    await follower.close({ durable: false });
    expect(await follower.following).toBeNull();
  });

  it('come again from the cursors that the target has, and from those of the plan where it has none: at least once, equal in the end', async () => {
    const store = await start({ streams: 2, cursorEvery: 3 });
    fill(store, ['a.x', 'a.y', 'a.z'], 20);
    const follower = followerOf(store);
    await follower.open();
    await follower.copy();
    change(store, 0, 60);
    follower.follow();
    await follower.waitForChanges(60);
    // Nothing of it was committed: all of it comes again, at later positions.
    await follower.keep();
    await follower.close({ durable: false });
    follower.changes = 0;
    await follower.open();
    follower.follow();
    await follower.waitForChanges(60);
    await follower.close({ durable: true });
    follower.changes = 0;
    change(store, 60, 90);
    await follower.open();
    follower.follow();
    await follower.waitForChanges(30);
    await waitFor('everything', () => {
      expectEqual(store, follower);
      return true;
    });
    // Of what was committed only what came behind the last cursors comes again.
    expect(follower.changes).toBeLessThan(60);
    await follower.close({ durable: true });
  });

  it('let a cursor count only when the target has everything before it', async () => {
    const store = await start();
    fill(store, ['a.x', 'a.y', 'a.z'], 20);
    const follower = followerOf(store);
    await follower.open();
    change(store, 0, 30);
    follower.follow();
    await follower.waitForChanges(30);
    const cursors = async (): Promise<string[]> => {
      await follower.keep();
      const { cursors: kept } = follower.kept as { cursors: string[] };
      return kept.map((cursor) => Buffer.from(cursor, 'base64').toString());
    };
    expect(await cursors()).toEqual(['0:0']);
    // Changes are one at a time here: two positions each, the second is the cursor's.
    const first = follower.positions[0]!;
    follower.session!.release(first);
    expect(await cursors()).toEqual(['0:0']);
    follower.session!.release(follower.positions[1]!);
    expect(await cursors()).toEqual(['0:1']);
    await waitFor('a heartbeat', () => follower.positions.length > 60);
    follower.session!.release(follower.watermark);
    expect(await cursors()).toEqual(['0:30']);
    await follower.close({ durable: true });
  });

  it.each([true, false])(
    'that are partial come whole where the source gives documents by their ids (%s), else as what they change',
    async (getByIds) => {
      const store = await start({ getByIds });
      store.load('a.x', [
        { _id: 1, a: 1, b: 2, c: 3 },
        { _id: 2, a: 1 },
        { _id: 3, a: 1 },
      ]);
      const follower = followerOf(store);
      await follower.open();
      await follower.copy();
      store.patch('a.x', 1, { b: 'new' }, ['a', 'none']);
      store.patch('a.x', 2, { d: [1] });
      store.patch('a.x', 3, { a: 2 });
      store.delete('a.x', 3);
      follower.follow();
      await waitFor('everything', () => {
        expectEqual(store, follower);
        return true;
      });
      expect(follower.documents('a.x').get('1')).toEqual({ _id: 1, b: 'new', c: 3 });
      expect(store.callsOf('GetByIds')).toHaveLength(getByIds ? 1 : 0);
      await follower.close({ durable: false });
    },
  );

  it('keep all parts of an id, in their order, under their names', async () => {
    const store = await start();
    store.load('a.x', []);
    const follower = followerOf(store);
    await follower.open();
    const id = [partOf('region', 'eu'), partOf('', Long.fromNumber(7))];
    const keys: Buffer[] = [];
    store.append('a.x', {
      id,
      type: 'UPDATE_TYPE_DELETE',
      data: Buffer.alloc(0),
      partial_update_unset: [],
    });
    follower.follow({
      change: (_kind, _relation, _position, key) => void keys.push(Buffer.from(key)),
    });
    await waitFor('the change', () => keys.length > 0);
    expect(BSON.deserialize(keys[0]!.subarray(4))).toEqual({ region: 'eu', _id: 7 });
    await follower.close({ durable: false });
  });

  it('end with what a person must know where the cursor is refused, the update unknown, or a namespace new', async () => {
    const store = await start();
    fill(store, ['a.x'], 3);
    const follower = followerOf(store);
    await follower.open();
    follower.kept = { plan: (follower.plan!.snapshot as { id: string }).id, cursors: ['MDo5OTk='] };
    await follower.open();
    follower.follow();
    expect(await follower.following).toMatchObject({ code: 'POSITION_LOST' });
    follower.kept = null;
    await follower.open();
    store.append('a.x', {
      id: [partOf('_id', 1)],
      type: 'UPDATE_TYPE_UNKNOWN',
      data: Buffer.alloc(0),
      partial_update_unset: [],
    });
    follower.follow();
    expect(await follower.following).toMatchObject({ code: 'SOURCE_UNFIT' });
    const other = await start({ namesUpdates: false });
    fill(other, ['a.x'], 3);
    const next = followerOf(other);
    await next.open();
    other.insert('a.new', { _id: 1 });
    next.follow();
    expect(await next.following).toMatchObject({
      code: 'SCHEMA_CHANGED',
      message: expect.stringContaining('a.new') as string,
    });
    for (const each of [follower, next]) await each.close({ durable: false });
  });

  it('are known to be all there by heartbeats, by silence, or by how many the source has counted', async () => {
    for (const options of [
      { heartbeatMs: 100 },
      { heartbeatMs: 1e9 },
      { heartbeatMs: 1e9, lsnStream: true },
    ]) {
      const store = await start(options);
      fill(store, ['a.x', 'a.y', 'a.z'], 20);
      const follower = followerOf(store);
      await follower.open();
      expect(await follower.session!.head()).toBeNull();
      change(store, 0, 100);
      follower.follow();
      const head = await follower.session!.head();
      expect(head).not.toBeNull();
      expect(follower.changes).toBe(100);
      expect(follower.watermark >= head!).toBe(true);
      await follower.close({ durable: false });
    }
  });
});

describe('a plan for a foreign connector', () => {
  it('asks for one namespace, many, or all, as the connector can', async () => {
    const many = await start();
    const single = await start({ multiNamespacePlan: false, defaultPlan: false });
    for (const store of [many, single]) fill(store, ['a.x', 'a.y', 'b.z'], 3);
    const asked = (store: AdiomStore): unknown[] =>
      store.callsOf('GeneratePlan').map(({ request }) => request['namespaces']);
    const planned = async (store: AdiomStore, namespaces?: string[]): Promise<string[]> => {
      const follower = followerOf(store, { namespaces });
      const { plan } = await follower.open();
      expect(await follower.copy()).toBe(3 * plan.namespaces.length);
      await follower.close({ durable: false });
      return plan.namespaces.map(({ relation }) => relation.namespace).sort();
    };
    expect(await planned(many)).toEqual(['a.x', 'a.y', 'b.z']);
    expect(await planned(many, ['a.*'])).toEqual(['a.x', 'a.y']);
    expect(await planned(many, ['a.y', 'b.z'])).toEqual(['a.y', 'b.z']);
    expect(asked(many)).toEqual([[], [], ['a.y', 'b.z']]);
    expect(await planned(single, ['a.y', 'b.z'])).toEqual(['a.y', 'b.z']);
    expect(asked(single)).toEqual([['a.y'], ['b.z']]);
    await expect(planned(single)).rejects.toMatchObject({ code: 'SOURCE_UNFIT' });
    await expect(planned(single, ['a.*'])).rejects.toThrow(/without \* and \?/);
  });

  it('is not made by a check, which says what it would need', async () => {
    const store = await start({ id: '' });
    fill(store, ['a.x'], 3);
    const follower = followerOf(store, { namespaces: ['a.x'] });
    const check = await follower.source.check(follower.scope);
    expect(check.relations.map(({ relation }) => relation.namespace)).toEqual(['a.x']);
    expect(check.findings.map(({ level }) => level)).toEqual(['ok', 'warning', 'ok']);
    expect(store.callsOf('GeneratePlan')).toHaveLength(0);
    const sink = await start({ sourceTypes: [] });
    await expect(followerOf(sink).source.check(follower.scope)).rejects.toThrow(
      /cannot be read from/,
    );
  });

  it('is refused by another connector than it was made with', async () => {
    const store = await start();
    fill(store, ['a.x'], 3);
    const follower = followerOf(store);
    await follower.open();
    await follower.close({ durable: false });
    store.options.id = 'other';
    await expect(follower.open()).rejects.toMatchObject({ code: 'POSITION_LOST' });
  });
});
