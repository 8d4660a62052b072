import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readManifest } from '../../services/connectors/file/manifest.ts';
import { createFileRowReader } from '../../services/connectors/file/row-reader.ts';
import { createFileSink } from '../../services/connectors/file/sink.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import type { ChunkHead, Sink } from '../../shared/connector/sink.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const relation: Relation = {
  namespace: 'a.b',
  columns: [{ name: 'id', type: 'bigint', encoding: 'text' }],
  key: [],
  identity: 'row',
  order: 'namespace',
};

function headOf(id: number): ChunkHead {
  return {
    id,
    namespace: 'a.b',
    how: 'load',
    dataType: TUPLES,
    relation,
    batchKey: () => `key ${id}`,
    rows: () => 3,
    filtered: () => 0,
  };
}

function planWith(id: number, state: NamespacePlan['state']): PipelinePlan {
  const position = { start: FIRST_POSITION, settled: FIRST_POSITION };
  const how: Chunk['how'] = 'load';
  const chunks = [{ id, namespace: 'a.b', cursor: null, how, dataType: TUPLES, estimatedBytes: 1 }];
  const namespace = { relation, definition: null, ...position, state, chunks };
  return {
    identity: 'x',
    start: FIRST_POSITION,
    snapshot: null,
    lanes: 1,
    namespaces: [{ ...namespace, chunksDone: 0, rowsDone: 0 }],
  };
}

function openSink(folder: string): Sink {
  return createFileSink({
    pipeline: 'test',
    url: `file:${folder}`,
    log: silentLog(),
    create: 'missing',
    map: {},
    order: 'key',
    workers: 1,
    stateFolder: folder,
    onBadRow: 'stop',
  });
}

it('lists the rows of a plan and not those of one that was replaced while they were written', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-file-sink-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sink = openSink(folder);
  const rows = Buffer.concat(['1', '2', '3'].map((id) => toTuple([id])));
  await sink.savePlan(planWith(1, 'new'), await sink.beginReader());
  async function* slowly(): AsyncGenerator<Buffer> {
    yield rows.subarray(0, 5);
    await sink.savePlan(planWith(2, 'restart'), await sink.beginReader());
    yield rows.subarray(5);
  }
  async function* atOnce(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(rows);
  }

  expect(await sink.writeData(headOf(1), slowly())).toBe('unwanted');
  expect(await sink.writeData(headOf(2), atOnce())).toBe('loaded');
  await sink.finishNamespaces();

  const listed = (await readManifest(folder)).map(({ kind, file }) => file ?? kind);
  expect(listed).toEqual(['truncate', 'a.b/rows-00000002.jsonl']);
  const text = await readFile(path.join(folder, 'a.b/rows-00000002.jsonl'), 'utf8');
  expect(text.trim().split('\n')).toHaveLength(3);
});

it('a row that comes again where an interrupted copy goes on replaces the one of its key', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-file-sink-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sink = openSink(folder);
  const columns = ['id', 'n', 'big'].map((name) => ({ name, type: 'text', encoding: 'text' as const }));
  const keyed: Relation = { ...relation, columns, key: [0], identity: 'key', order: 'key' };
  const [namespace] = planWith(1, 'new').namespaces;
  const [chunk] = namespace!.chunks;
  const chunks = [chunk!, { ...chunk!, id: 2, how: 'merge' as const }];
  const epoch = await sink.beginReader();
  await sink.savePlan(
    { ...planWith(1, 'new'), namespaces: [{ ...namespace!, relation: keyed, chunks }] },
    epoch,
  );
  async function* rowsOf(...rows: string[][]): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.concat(rows.map((row) => toTuple(row))));
  }
  const load = (id: number, ...rows: string[][]) =>
    sink.writeData({ ...headOf(id), relation: keyed }, rowsOf(...rows));
  expect(await load(1, ['1', 'first', 'large'], ['2', 'other', 'large'])).toBe('loaded');
  const before = await sink.openLane(0);
  const after = { ...before, readerEpoch: epoch, sequence: 1, position: toPosition(1n, 0n) };
  const partial = [toTuple(['1', 'second', undefined])];
  const net = { relation: keyed, upserts: [], deletes: [], partial };
  await sink.writeUpdates({ before, after, changes: [net], counts: new Map() });
  expect(await load(2, ['1', 'second', 'larger'])).toBe('loaded');

  const reader = createFileRowReader({ url: `file:${folder}`, pipeline: 'test', log: silentLog() });
  onTestFinished(() => reader.close());
  const found: Buffer[] = [];
  const [held] = await reader.relations('target', ['a.b']);
  await reader.read(held!, (tuple) => void found.push(tuple), new AbortController().signal);
  expect(found.map((row) => row.toString()).sort()).toEqual(
    [['1', 'second', 'larger'], ['2', 'other', 'large']].map((row) => toTuple(row).toString()).sort(),
  );
}); // prettier-ignore
