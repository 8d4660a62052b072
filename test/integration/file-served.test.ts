import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { BSON } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import { createFileStore } from '../../services/connectors/file/store.ts';
import { toCsv } from '../../services/connectors/file/row-text.ts';
import type { Store, StoreReader } from '../../shared/connector/store.ts';
import { bytesRead } from '../bench/measure/process-record.ts';
import { AdiomPeer } from '../support/adiom-peer.ts';
import { DocumentFollower } from '../support/document-follower.ts';
import { serveStore } from '../support/served-store.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { readWrittenFolder } from '../support/written-folder.ts';

const { signal } = new AbortController();
const ROWS = 2_000;
const TEXTS = ['plain', 'two\nlines', 'a "quote", and more', '', '"\n"', 'é€😀'];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-served-file-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function openStore(folder: string): Store {
  const url = `file:${folder}?key=id`;
  const store = createFileStore({
    pipeline: 'served',
    url,
    log: silentLog(),
    workers: 1,
    confirmAfterMs: null,
  });
  onTestFinished(() => store.close());
  return store;
}

/** The same rows as CSV and as JSON lines, each plain and compressed. */
async function writeRows(folder: string): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, i) => [
    String(i),
    TEXTS[i % TEXTS.length]!,
    'x'.repeat(i % 300),
  ]);
  const csv = toCsv([['id', 'text', 'filler'], ...rows], ',');
  const json = rows.map(([id, text, filler]) => JSON.stringify({ id, text, filler })).join('\n');
  await writeFile(path.join(folder, 'a.csv'), csv);
  await writeFile(path.join(folder, 'b.csv.gz'), gzipSync(csv));
  await writeFile(path.join(folder, 'c.jsonl'), json);
  await writeFile(path.join(folder, 'd.jsonl.gz'), gzipSync(json));
}

/** All rows as text, page by page, each page asked for twice and the second half of another process' store. */
async function readPages(folder: string, namespace: string, bytes: number): Promise<string[]> {
  let reader: StoreReader = openStore(folder).reader!;
  const rows: string[] = [];
  let pages = 0;
  for (const slice of await reader.cut(namespace)) {
    let after: string | null = null;
    do {
      const page = await reader.readPage(slice, after, bytes, signal);
      if (pages % 5 === 0) expect(await reader.readPage(slice, after, bytes, signal)).toEqual(page);
      rows.push(...page.tuples.map((tuple) => tuple.toString('latin1')));
      after = page.next;
      if (++pages % 40 === 0) reader = openStore(folder).reader!;
    } while (after !== null);
  }
  expect(pages).toBeGreaterThan(10);
  return rows;
}

it('file: served: pages of any size have every row once and in order, plain and compressed, and any server goes on from a cursor', async () => {
  const folder = await newFolder();
  await writeRows(folder);
  const expected = await readPages(folder, 'a', 2_000);
  expect(expected).toHaveLength(ROWS);
  expect(new Set(expected).size).toBe(ROWS);
  for (const namespace of ['a', 'b', 'c', 'd'])
    for (const bytes of [3_000, 20_000]) {
      expect(await readPages(folder, namespace, bytes), `${namespace} ${bytes}`).toEqual(expected);
    }
  const reader = openStore(folder).reader!;
  expect(await reader.count('b')).toBe(ROWS);
});

it('file: served: a page reads what it has of a file and not the file from its beginning', async () => {
  const folder = await newFolder();
  const line = `${JSON.stringify({ id: 'x'.repeat(4_000) })}\n`;
  const text = Array.from({ length: 1_600 }, (_, i) => line.replace('x', String(i))).join('');
  await writeFile(path.join(folder, 'plain.jsonl'), text);
  const random = Array.from({ length: 2e5 }, () => `{"id":"${Math.random()}"}\n`).join('');
  await writeFile(path.join(folder, 'packed.jsonl.gz'), gzipSync(random, { level: 1 }));
  const reader = openStore(folder).reader!;
  for (const namespace of ['plain', 'packed']) {
    const slices = await reader.cut(namespace);
    const before = bytesRead(process.pid);
    let pages = 0;
    let size = 0;
    for (const slice of slices) {
      size += (slice.cursor as { bytes: number }).bytes;
      let after: string | null = null;
      do {
        ({ next: after } = await reader.readPage(slice, after, 130_000, signal));
        pages++;
      } while (after !== null);
    }
    expect(pages).toBeGreaterThan(30);
    // What is behind the last record of a page is read twice.
    expect(bytesRead(process.pid) - before).toBeLessThan(1.5 * size);
  }
});

it('file: served: a program copies it over gRPC, and a file that changed since the plan is refused by name', async () => {
  const folder = await newFolder();
  await writeRows(folder);
  await writeFile(path.join(folder, 'keyless.csv'), 'v\n1\n');
  const { address } = await serveStore(`file:${folder}?key=id`);
  const follower = new DocumentFollower(`grpc://${address}`);
  await follower.open();
  expect(await follower.copy()).toBe(4 * ROWS);
  const documents = follower.documents('d');
  expect([...documents.values()][4]).toMatchObject({ _id: '4', id: '4', text: '"\n"' });
  const [chunk] = follower.plan!.namespaces.find((n) => n.relation.namespace === 'c')!.chunks;
  await writeFile(path.join(folder, 'c.jsonl'), '{"id":"1"}\n');
  const again = follower.session!.listData(chunk!, () => undefined, signal);
  await expect(again).rejects.toThrow(/c\.jsonl is not as it was when the copy was planned/);
  await follower.close({ durable: false });
});

it('file: served: what another program writes comes to its rows, however often it is sent', async () => {
  const folder = await newFolder();
  await mkdir(path.join(folder, 'shop.item'));
  const schema = {
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'n', type: 'numeric' },
      { name: 'note', type: 'text' },
    ],
    key: ['id'],
  };
  await writeFile(path.join(folder, 'shop.item', '_schema.json'), JSON.stringify(schema));
  const { address } = await serveStore(`file:${folder}`);
  const peer = new AdiomPeer(address);
  onTestFinished(() => peer.close());
  const write = async (method: string, request: object): Promise<void> => {
    const whole = { namespace: 'shop.item', type: 'DATA_TYPE_MONGO_BSON', ...request };
    for (let times = 0; times < 2; times++) await peer.call(method, whole);
  };
  const row = (id: number, n: string, note: string | null): Buffer =>
    Buffer.from(BSON.serialize({ _id: id, id, n, note }));
  const idOf = (id: number) => [{ name: '_id', type: 16, data: Buffer.from([id, 0, 0, 0]) }];
  await write('WriteData', { data: [row(1, '1.50', 'a'), row(2, '2', null), row(3, '3', 'c')] });
  await write('WriteUpdates', {
    updates: [
      { id: idOf(2), type: 'UPDATE_TYPE_UPDATE', data: row(2, '22.0', 'b') },
      { id: idOf(3), type: 'UPDATE_TYPE_DELETE' },
      {
        id: idOf(1),
        type: 'UPDATE_TYPE_PARTIAL_UPDATE',
        data: Buffer.from(BSON.serialize({ note: 'only' })),
      },
    ],
  });
  expect(await readWrittenFolder(folder)).toEqual(
    new Map([
      [
        'shop.item',
        new Map([
          ['[1]', { id: 1, n: 1.5, note: 'only' }],
          ['[2]', { id: 2, n: 22, note: 'b' }],
        ]),
      ],
    ]),
  );
  const bad = peer.call('WriteData', {
    namespace: 'shop.other',
    data: [],
    type: 'DATA_TYPE_MONGO_BSON',
  });
  await expect(bad).rejects.toThrow(/NOT_FOUND/);
  const plan = peer.call('GeneratePlan', { namespaces: [], initial_sync: true });
  await expect(plan).rejects.toThrow(/FAILED_PRECONDITION.*holds changes beside rows/);
});
