import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Int32, Long, serialize } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { readManifest } from '../../services/connectors/file/manifest.ts';
import { createFileRowReader } from '../../services/connectors/file/row-reader.ts';
import { createFileSink } from '../../services/connectors/file/sink.ts';
import { FIRST_POSITION, toPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import type { RetrySteps } from '../../shared/connector/parking.ts';
import type { HeldChange, LaneProgress, NetChanges, Sink } from '../../shared/connector/sink.ts';
import {
  documentRelation,
  toDocumentKey,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { encodePatch } from '../../shared/document/patch.ts';
import { FolderState } from '../../shared/ledger/folder-state.ts';
import { replayParked } from '../../shared/progress/replay-parked.ts';
import { failedAside } from '../../shared/state/quarantine/aside.ts';
import { putAside } from '../../shared/state/quarantine/quarantine-steps.ts';
import { silentLog } from '../support/sink-pipeline.ts';

const relation = documentRelation('a.t');
const COUNTS = { inserts: 1, updates: 0, deletes: 0, truncates: 0 };
const passes: RetrySteps = (relation, _change, tuple) =>
  Promise.resolve({ relation, tuple, partial: false, elsewhere: [] });

const rowOf = (id: unknown, fields: object): Buffer =>
  toDocumentRow(serialize({ _id: id }), serialize({ _id: id, ...fields }));
const patchOf = (id: unknown, set: object): Buffer =>
  toDocumentRow(serialize({ _id: id }), encodePatch(serialize(set), []));

/** A folder into which lane 0 writes; documents come one batch after the other. */
async function openFolder(relation = documentRelation('a.t')) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-parked-documents-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sink = createFileSink({
    pipeline: 'test',
    url: `file:${folder}?format=jsonl`,
    log: silentLog(),
    create: 'missing',
    map: {},
    order: 'key',
    workers: 1,
    stateFolder: folder,
    onBadRow: 'park',
    retrySteps: passes,
  });
  const position = { start: FIRST_POSITION, settled: FIRST_POSITION };
  const namespace = { relation, definition: null, ...position, state: 'new' as const };
  const epoch = await sink.beginReader();
  await sink.savePlan(
    {
      ...{ identity: 'x', start: FIRST_POSITION, snapshot: null, lanes: 1 },
      namespaces: [{ ...namespace, chunks: [], chunksDone: 0, rowsDone: 0 }],
    },
    epoch,
  );
  await sink.finishNamespaces();
  let before: LaneProgress = await sink.openLane(0);
  const write = async (given: {
    failed?: Buffer;
    id?: unknown;
    net?: Partial<NetChanges>;
  }): Promise<void> => {
    const sequence = before.sequence + 1;
    const at = toPosition(BigInt(sequence), 0n);
    const after = { ...before, readerEpoch: epoch, sequence, position: at };
    const held: HeldChange[] =
      given.failed === undefined
        ? []
        : [
            {
              ...{ relation, kind: 'upsert', counts: COUNTS, position: at },
              failed: {
                ...{ reason: 'the step failed', source: relation, tuple: given.failed },
                key:
                  relation.identity === 'key' ? toDocumentKey(serialize({ _id: given.id })) : null,
              },
            },
          ];
    const net = { relation, upserts: [], partial: [], deletes: [], ...given.net };
    await sink.writeUpdates({
      ...{ before, after, held, counts: new Map([['a.t', COUNTS]]) },
      changes: given.net === undefined ? [] : [net],
    });
    before = after;
  };
  return { folder, sink, write };
}

async function documentsIn(folder: string): Promise<string[]> {
  const reader = createFileRowReader({ url: `file:${folder}`, pipeline: 'test', log: silentLog() });
  onTestFinished(() => reader.close());
  const rows: string[] = [];
  for (const each of await reader.relations('target', ['a.t']))
    await reader.read(
      each,
      (tuple) => void rows.push(tuple.toString('utf8', tuple.indexOf('{'))),
      new AbortController().signal,
    );
  return rows;
}

const listed = async ({ parking }: Sink): Promise<number> =>
  (await parking!.list({ kind: 'all' }, 0, 100)).length;
const replay = ({ parking }: Sink) =>
  replayParked((step) => parking!.replay(step.selection, step.after, step.until), { kind: 'all' });

it('a change waits behind a parked document whose id is equal, of whatever type its number is', async () => {
  const { folder, sink, write } = await openFolder();
  await write({ failed: rowOf(new Int32(1), { n: 'first' }), id: new Int32(1) });
  await write({ net: { upserts: [rowOf(Long.fromNumber(1), { n: 'second' })] } });
  await write({ net: { upserts: [rowOf(Long.fromNumber(2), { n: 'other' })] } });
  expect(await listed(sink)).toBe(2);

  expect(await replay(sink)).toEqual({ replayed: 2, left: 0 });
  const documents = await documentsIn(folder);
  expect(documents).toHaveLength(2);
  expect(documents.join()).toContain('second');
  expect(documents.join()).not.toContain('first');
});

it('what was changed of a parked document is changed when both are replayed', async () => {
  const { folder, sink, write } = await openFolder();
  await write({ failed: rowOf(new Int32(1), { n: 'first', kept: 'kept' }), id: new Int32(1) });
  await write({ net: { partial: [patchOf(new Int32(1), { n: 'second' })] } });
  expect(await listed(sink)).toBe(2);

  expect(await replay(sink)).toEqual({ replayed: 2, left: 0 });
  const documents = await documentsIn(folder);
  expect(documents).toHaveLength(1);
  const [document] = documents;
  expect(document).toContain('second');
  expect(document).toContain('kept');
  expect(document).not.toContain('steps');
});

it('all changes of a namespace wait behind a document that an earlier version parked', async () => {
  const { folder, sink, write } = await openFolder();
  const state = new FolderState(path.join(folder, '.weir', 'test'));
  const tuple = rowOf(new Int32(1), { n: 'first' });
  const key = toDocumentKey(serialize({ _id: new Int32(1) }));
  const failed = [{ reason: 'the step failed', source: relation, tuple, key }];
  const [aside] = failedAside(relation, failed, toPosition(1n, 0n));
  // The columns alone, and the bytes of the key.
  const shape = JSON.stringify([['_id', 'bson.id']]);
  const chain = createHash('sha256')
    .update(JSON.stringify(['a.t']))
    .update(shape)
    .update(key);
  const earlier = { ...aside!, shape, chain: chain.digest().subarray(0, 16) };
  expect(await state.commit(putAside([earlier], false))).toBe(true);

  await write({ net: { upserts: [rowOf(Long.fromNumber(1), { n: 'second' })] } });
  await write({ net: { upserts: [rowOf(Long.fromNumber(2), { n: 'other' })] } });
  expect(await listed(sink)).toBe(3);
  expect(await replay(sink)).toEqual({ replayed: 3, left: 0 });
  await write({ net: { upserts: [rowOf(Long.fromNumber(3), { n: 'flows' })] } });
  expect(await listed(sink)).toBe(0);
  const lines = await changesIn(folder);
  expect(lines.indexOf('first')).toBeLessThan(lines.indexOf('second'));
  expect(lines).toContain('flows');
});

it('a row that no key tells apart is there once, however often a replay dies before it has noted it', async () => {
  const rows: Relation = {
    namespace: 'a.t',
    columns: [{ name: 'v', type: 'bigint', encoding: 'text' }],
    ...{ key: [], identity: 'row', order: 'namespace' },
  };
  const { folder, sink, write } = await openFolder(rows);
  await write({ failed: toTuple(['7']) });
  const state = path.join(folder, '.weir');
  const before = await mkdtemp(path.join(tmpdir(), 'weir-parked-state-'));
  onTestFinished(() => rm(before, { recursive: true, force: true }));
  await cp(state, before, { recursive: true });
  expect(await replay(sink)).toEqual({ replayed: 1, left: 0 });
  expect(await documentsIn(folder)).toHaveLength(1);

  // All that a replay leaves which is killed between what it writes and its step.
  await rm(state, { recursive: true });
  await cp(before, state, { recursive: true });
  await write({ net: { deletes: [toTuple(['7'])] } });
  expect(await listed(sink)).toBe(2);
  expect(await replay(sink)).toEqual({ replayed: 2, left: 0 });
  expect(await documentsIn(folder)).toEqual([]);
});

/** All that was written behind the copy, as it counts. */
async function changesIn(folder: string): Promise<string> {
  const entries = (await readManifest(folder)).filter(({ kind }) => kind === 'changes');
  const texts = entries.map(({ file }) => readFile(path.join(folder, file!), 'utf8'));
  return (await Promise.all(texts)).join('');
}
