import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readManifest } from '../../services/connectors/file/manifest.ts';
import { createFileSink } from '../../services/connectors/file/sink.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import { TUPLES } from '../../shared/connector/data-type.ts';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import type { ChunkHead } from '../../shared/connector/sink.ts';
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

it('lists the rows of a plan and not those of one that was replaced while they were written', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-file-sink-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sink = createFileSink({
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
