import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { BSON, Long } from 'bson';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createGrpcSink } from '../../services/connectors/grpc/sink.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { DOCUMENTS } from '../../shared/connector/data-type.ts';
import type { LaneProgress, NetChanges, Sink } from '../../shared/connector/sink.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { toDocumentId } from '../../shared/document/document-id.ts';
import {
  documentRelation,
  toDocumentKey,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { encodePatch, mergePatches } from '../../shared/document/patch.ts';
import { AdiomStore, type Document, partOf } from '../support/adiom-store.ts';
import type { StoreOptions } from '../support/adiom-store-options.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const TABLE: Relation = {
  namespace: 'shop.orders',
  columns: [
    { name: 'id', type: 'bigint', encoding: 'text' },
    { name: 'total', type: 'numeric(12,2)', encoding: 'text' },
    { name: 'note', type: 'text', encoding: 'text' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

const idOf = (value: unknown): Buffer => toDocumentId([partOf('_id', value)]);
const rowOf = (document: Document): Buffer =>
  toDocumentRow(idOf(document['_id']), BSON.serialize(document));
const keyOfId = (value: unknown): Buffer => toDocumentKey(idOf(value));
const plain = (document: Document | undefined): unknown =>
  document === undefined ? undefined : BSON.deserialize(BSON.serialize(document));

/** A sink over a store, with a plan of one chunk and one lane, its state in a folder of its own. */
class Target {
  readonly store: AdiomStore;
  readonly sink: Sink;
  readonly relation: Relation;
  readonly chunk: Chunk;
  lane!: LaneProgress;

  private constructor(store: AdiomStore, sink: Sink, relation: Relation) {
    this.store = store;
    this.sink = sink;
    this.relation = relation;
    const { namespace } = relation;
    const dataType = DOCUMENTS;
    this.chunk = { id: 1, namespace, cursor: null, how: 'merge', dataType, estimatedBytes: 1 };
  }

  static async create(
    relation: Relation,
    options: Partial<StoreOptions> = {},
    query = '',
    map: Record<string, string> = {},
  ): Promise<Target> {
    const stateFolder = await mkdtemp(path.join(tmpdir(), 'weir-sink-'));
    const store = await AdiomStore.start(options);
    const sink = createGrpcSink({
      pipeline: 'test',
      url: `${store.url}${query}`,
      log: silentLog(),
      create: 'missing',
      map,
      order: 'key',
      workers: 4,
      stateFolder,
      onBadRow: 'stop',
    });
    onTestFinished(async () => {
      await sink.close();
      store.stop();
      await rm(stateFolder, { recursive: true, force: true });
    });
    const target = new Target(store, sink, relation);
    const epoch = await sink.beginReader();
    const namespace = {
      relation,
      definition: null,
      start: FIRST_POSITION,
      settled: FIRST_POSITION,
      state: 'new' as const,
      chunks: [target.chunk],
      chunksDone: 0,
      rowsDone: 0,
    };
    const plan = { identity: 'x', start: FIRST_POSITION, snapshot: null, lanes: 1 };
    await sink.savePlan({ ...plan, namespaces: [namespace] }, epoch);
    target.lane = await sink.openLane(0);
    return target;
  }

  copy(rows: Buffer[], pieceBytes = 1000): Promise<string> {
    const bytes = Buffer.concat(rows);
    const parts = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += pieceBytes)
        yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
    };
    const head = { ...this.chunk, relation: this.relation };
    return this.sink.writeData(
      { ...head, rows: () => rows.length, filtered: () => 0, batchKey: () => 'key' },
      parts(),
    );
  }

  async change(changes: Partial<NetChanges>): Promise<void> {
    const before = this.lane;
    const sequence = before.sequence + 1;
    const after = { ...before, sequence, position: toPosition(BigInt(sequence), 0n) };
    const net = { relation: this.relation, upserts: [], partial: [], deletes: [], ...changes };
    const counts = { inserts: 0, updates: 1, deletes: 0, truncates: 0 };
    await this.sink.writeUpdates({
      before,
      after,
      changes: [net],
      counts: new Map([[this.relation.namespace, counts]]),
    });
    this.lane = after;
  }

  documents(namespace = this.relation.namespace): unknown[] {
    return [...this.store.table(namespace).values()].map(plain);
  }
}

describe('a gRPC target', () => {
  it('takes documents byte by byte, many in a request, under the names of the target', async () => {
    const target = await Target.create(documentRelation('a.x'), {}, '?gzip=true', { 'a.x': 'b.y' });
    const documents = Array.from({ length: 2_500 }, (_, i) => ({
      _id: i,
      big: Long.fromNumber(i),
    }));
    expect(await target.copy(documents.map(rowOf))).toBe('loaded');
    expect(await target.copy([])).toBe('present');
    expect(target.documents('b.y')).toHaveLength(2_500);
    expect(target.store.table('b.y').get('16 07000000')).toEqual(
      BSON.deserialize(BSON.serialize(documents[7]!), { promoteValues: false }),
    );
    expect(target.store.callsOf('WriteData').length).toBeLessThan(5);
    await target.change({ deletes: [keyOfId(1)], upserts: [rowOf({ _id: 2, v: 'new' })] });
    expect(target.documents('b.y')).toHaveLength(2_499);
    expect(plain(target.store.table('b.y').get('16 02000000'))).toEqual({ _id: 2, v: 'new' });
    const state = await target.sink.readState();
    expect(state?.applied['a.x']).toMatchObject({ updates: 1 });
    expect(state?.plan.namespaces[0]).toMatchObject({ state: 'ready', rowsDone: 2_500 });
  });

  it('writes again what may have been written, and stops with the words of a peer that refuses', async () => {
    const target = await Target.create(documentRelation('a.x'));
    target.store.fault({ method: 'WriteData', code: status.UNAVAILABLE, late: 1 });
    target.store.fault({ method: 'WriteData', code: status.ABORTED });
    expect(await target.copy([rowOf({ _id: 1 })])).toBe('loaded');
    target.store.fault({ method: 'WriteUpdates', code: status.DEADLINE_EXCEEDED, late: 1 });
    await target.change({ upserts: [rowOf({ _id: 2 })] });
    expect(target.documents()).toEqual([{ _id: 1 }, { _id: 2 }]);
    target.store.fault({ method: 'WriteUpdates', code: status.INTERNAL });
    await expect(target.change({ upserts: [rowOf({ _id: 3 })] })).rejects.toMatchObject({
      code: 'TARGET_UNFIT',
      message: expect.stringContaining('failed to order') as string,
    });
    target.store.fault({ method: 'WriteUpdates', code: status.UNAUTHENTICATED });
    await expect(target.change({ upserts: [rowOf({ _id: 3 })] })).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
  });

  it('is not written by an owner that has lost the lane', async () => {
    const target = await Target.create(documentRelation('a.x'));
    await target.sink.openLane(0);
    const change = target.change({ upserts: [rowOf({ _id: 1 })] });
    await expect(change).rejects.toMatchObject({ code: 'FENCED' });
    expect(target.store.written).toEqual([]);
  });

  it('gets partial updates one after the other, never two of a document in one request', async () => {
    const target = await Target.create(documentRelation('a.x'));
    await target.copy([rowOf({ _id: 1, a: { x: 1 }, b: 1 }), rowOf({ _id: 2, a: 1 })]);
    const set = (fields: Document, unset: string[] = []): Uint8Array =>
      encodePatch(BSON.serialize(fields), unset);
    const several = mergePatches(set({ a: { y: 2 } }, ['b']), set({ 'a.z': 3 }));
    const one = set({ c: Long.fromNumber(5) });
    const partial = [toDocumentRow(idOf(1), several), toDocumentRow(idOf(2), one)];
    await target.change({ partial });
    const sent = target.store.callsOf('WriteUpdates').map(({ request }) => {
      return (request['updates'] as { type: string; data: Buffer }[]).map(({ type, data }) => [
        type,
        BSON.deserialize(data),
      ]);
    });
    const kind = 'UPDATE_TYPE_PARTIAL_UPDATE';
    expect(sent).toEqual([
      [
        [kind, { a: { y: 2 } }],
        [kind, { c: 5 }],
      ],
      [[kind, { 'a.z': 3 }]],
    ]);
    expect(plain(target.store.table('a.x').get('16 02000000'))).toEqual({ _id: 2, a: 1, c: 5 });
  });

  it('gets rows of tables as documents; unchanged columns stay what they are', async () => {
    const target = await Target.create(TABLE);
    await target.copy([toTuple(['1', '10.50', null]), toTuple(['2', '1.00', 'x'])], 7);
    await target.change({
      partial: [toTuple(['1', undefined, 'changed'])],
      deletes: [toTuple(['2']).subarray(2)],
      upserts: [toTuple(['3', '0.10', ''])],
    });
    const [first, third] = [...target.store.table('shop.orders').values()];
    expect(target.documents()).toHaveLength(2);
    expect(plain(first)).toMatchObject({ _id: 1, id: 1, note: 'changed' });
    expect(String(first!['total'])).toBe('10.50');
    expect(plain(third)).toMatchObject({ _id: 3, note: '' });
  });

  it('gets JSON where it takes nothing else, with the _id as id, and is refused what JSON cannot say', async () => {
    const target = await Target.create(documentRelation('a.x'), {
      sinkTypes: ['DATA_TYPE_JSON_ID'],
    });
    const big = Long.fromString('9007199254740993');
    await target.copy([rowOf({ _id: 'k', n: 1.5, list: [null, true], big })]);
    const [{ request }] = target.store.callsOf('WriteData') as unknown as [
      { request: { data: Buffer[] } },
    ];
    expect(request.data.map(String)).toEqual([
      '{"id":"k","n":1.5,"list":[null,true],"big":9007199254740993}',
    ]);
    await target.change({ deletes: [keyOfId('k')] });
    expect(target.documents()).toEqual([]);
    await expect(target.change({ upserts: [rowOf({ _id: 1, id: 2 })] })).rejects.toMatchObject({
      code: 'ROW_REFUSED',
    });
  });

  it('gets a document of more than 128 MiB', async () => {
    const target = await Target.create(documentRelation('a.x'));
    // Made by hand: the library makes none that large.
    const piece = Buffer.alloc(5 + (130 << 20), 'x');
    piece.writeInt32LE(130 << 20);
    const document = toDocumentId([partOf('_id', 1), { name: 'piece', type: 5, data: piece }]);
    await target.copy([toDocumentRow(idOf(1), document)], 32 << 20);
    expect(target.store.table('a.x').size).toBe(1);
  });

  it('is told by check what it is, what rows it cannot take, and that it cannot be written', async () => {
    const { sink } = await Target.create(documentRelation('a.x'));
    const keyless: Relation = { ...TABLE, key: [], identity: 'row' };
    const findings = await sink.check([{ relation: keyless, definition: null }]);
    expect(findings.map(({ level, subject }) => `${level} ${subject}`)).toEqual([
      'ok connector',
      'ok state',
      'error shop.orders',
    ]);
    const source = await Target.create(documentRelation('a.x'), { sinkTypes: [] });
    await expect(source.sink.check([])).rejects.toThrow(/cannot be written to/);
  });
});
