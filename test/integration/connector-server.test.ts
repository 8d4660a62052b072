import { connect } from 'node:http2';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { BSON, Decimal128 } from 'bson';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { createRandomStore } from '../../services/connectors/random/store.ts';
import {
  type RunningServer,
  serveConnector,
} from '../../services/connector-server/connector-server.ts';
import { WINDOW_BYTES } from '../../services/connector-server/wide-windows.ts';
import { AdiomPeer, type Message } from '../support/adiom-peer.ts';
import { randomTables } from '../support/random-model.ts';
import { silentLog } from '../support/sink-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';

const DATA =
  'random:?seed=7&namespaces=2&rows=3000&chunk=2000&size=900&transaction=3&changes=3000&mix=2:5:2';
const BSON_TYPE = 'DATA_TYPE_MONGO_BSON';

let running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  running = [];
});

async function serve(url: string, listen = '127.0.0.1:0'): Promise<RunningServer> {
  const store = createRandomStore({
    pipeline: 'served',
    url,
    log: silentLog(),
    workers: 1,
    confirmAfterMs: null,
  });
  const connector = { store, kind: 'random', version: '1', takesAny: false };
  const access = { tls: null, token: null };
  const protoFolder = path.join(projectRoot(), 'proto');
  const server = await serveConnector({ connector, listen, access, protoFolder });
  running.push(server);
  return server;
}

function peerOf({ address }: RunningServer): AdiomPeer {
  const peer = new AdiomPeer(address);
  onTestFinished(() => peer.close());
  return peer;
}

interface Plan {
  partitions: (Message & { namespace: string; estimated_count: string })[];
  updates_partitions: { namespaces: string[]; cursor: Buffer }[];
}

const planOf = async (peer: AdiomPeer, namespaces: string[] = []): Promise<Plan> =>
  (await peer.call('GeneratePlan', {
    namespaces,
    initial_sync: true,
    updates: true,
  })) as unknown as Plan;

interface Page {
  data: Buffer[];
  next_cursor: Buffer;
}

const pageOf = async (peer: AdiomPeer, partition: Message, cursor: Buffer): Promise<Page> =>
  (await peer.call('ListData', { partition, type: BSON_TYPE, cursor })) as unknown as Page;

interface Updates {
  namespace: string;
  next_cursor: Buffer;
  updates: { id: { data: Buffer; type: number; name: string }[]; type: string; data: Buffer }[];
}

type Document = Record<string, unknown>;
type Tables = Map<string, Map<string, Document>>;

const read = (bytes: Uint8Array): Document =>
  BSON.deserialize(bytes, { promoteValues: false }) as Document;

/** The value of a part of an id, put back into a document by hand. */
function idText({ data, type, name }: Updates['updates'][0]['id'][0]): string {
  const bytes = Buffer.alloc(4 + 1 + name.length + 1 + data.length + 1);
  bytes.writeInt32LE(bytes.length, 0);
  bytes[4] = type;
  bytes.write(name, 5, 'latin1');
  data.copy(bytes, 6 + name.length);
  return String(read(bytes)[name]);
}

async function copyAll(peer: AdiomPeer, plan: Plan): Promise<Tables> {
  const tables: Tables = new Map();
  for (const partition of plan.partitions) {
    const table = tables.get(partition.namespace) ?? new Map<string, Document>();
    tables.set(partition.namespace, table);
    let cursor: Buffer = Buffer.alloc(0);
    let rows = 0;
    do {
      const page = await pageOf(peer, partition, cursor);
      expect(page.next_cursor.equals(cursor) && cursor.length > 0).toBe(false);
      for (const document of page.data.map(read)) table.set(String(document['_id']), document);
      rows += page.data.length;
      cursor = page.next_cursor;
    } while (cursor.length > 0);
    expect(rows).toBe(Number(partition.estimated_count));
  }
  return tables;
}

/** Applies updates from `cursor` on until there were `most`; returns the last cursor. */
async function follow(
  peer: AdiomPeer,
  cursor: Buffer,
  most: number,
  apply: (namespace: string, update: Updates['updates'][0]) => void,
): Promise<Buffer> {
  const stream = peer.stream('StreamUpdates', { namespaces: [], type: BSON_TYPE, cursor });
  let last = cursor;
  let count = 0;
  try {
    for await (const message of stream) {
      const { namespace, updates, next_cursor } = message as unknown as Updates;
      expect(next_cursor.length).toBeGreaterThan(0);
      for (const update of updates) apply(namespace, update);
      last = next_cursor;
      count += updates.length;
      if (count >= most) break;
    }
  } finally {
    stream.cancel();
  }
  return last;
}

describe('a served connector', () => {
  it('lets a peer send a whole request before it says that there is room', async () => {
    const session = connect(`http://${(await serve(DATA)).address}`);
    onTestFinished(() => session.destroy());
    await waitFor(
      'a window for the connection and one for each call',
      () =>
        session.state.remoteWindowSize === WINDOW_BYTES &&
        session.remoteSettings.initialWindowSize === WINDOW_BYTES,
    );
  });

  it('tells another program what it is and can do, the same each time', async () => {
    const peer = peerOf(await serve(DATA));
    const info = await peer.call('GetInfo', {});
    expect(info).toMatchObject({
      db_type: 'random',
      capabilities: {
        source: {
          supported_data_types: [BSON_TYPE],
          multi_namespace_plan: true,
          default_plan: true,
          lsn_stream: true,
          get_by_ids: true,
        },
        sink: null,
      },
    });
    expect(info['id']).toMatch(/seed=7/);
    expect(await peer.call('GetInfo', {})).toEqual(info);
    expect(await peer.call('GetNamespaceMetadata', { namespace: 'random.table_1' })).toEqual({
      count: '3000',
    });
  });

  it('gives every row and every change, so that a program that begins again at another server in the middle ends equal', async () => {
    const server = await serve(DATA);
    const peer = peerOf(server);
    const plan = await planOf(peer);
    expect(plan.updates_partitions).toHaveLength(1);
    const tables = await copyAll(peer, plan);
    let seen = 0;
    const apply = (namespace: string, { id, type, data }: Updates['updates'][0]): void => {
      seen++;
      expect(id).toMatchObject([{ name: '_id', type: 0x12 }]);
      const key = idText(id[0]!);
      if (type === 'UPDATE_TYPE_DELETE') tables.get(namespace)!.delete(key);
      else {
        const document = read(data);
        expect(String(document['_id'])).toBe(key);
        tables.get(namespace)!.set(key, document);
      }
    };
    const cursor = await follow(peer, plan.updates_partitions[0]!.cursor, 1_000, apply);
    expect(seen).toBeLessThan(3_000);
    await server.stop();
    running = [];
    await follow(peerOf(await serve(DATA)), cursor, 3_000 - seen, apply);
    expect(seen).toBe(3_000);

    const expected = await randomTables(DATA);
    for (const [namespace, model] of expected) {
      const table = tables.get(namespace)!;
      expect([...table.keys()].sort()).toEqual([...model.keys()].sort());
      for (const [key, values] of model) {
        const document = table.get(key)!;
        const [id, name, amount, ratio, active, madeAt, note, payload] = values;
        const found = [document['id'], document['name'], document['amount'], document['ratio']];
        expect(found.map(String)).toEqual([id, name, amount, String(Number(ratio))]);
        expect(document['amount']).toBeInstanceOf(Decimal128);
        const rest = [document['active'], document['made_at'], document['note']];
        expect([...rest, document['payload']]).toEqual([active === 't', madeAt, note, payload]);
      }
    }
  });

  it('counts the changes behind a cursor, of the namespaces that are asked for', async () => {
    const peer = peerOf(await serve(DATA));
    const plan = await planOf(peer);
    const { cursor } = plan.updates_partitions[0]!;
    const counted = async (namespaces: string[], from: Buffer): Promise<Message> => {
      const stream = peer.stream('StreamLSN', { namespaces, cursor: from });
      try {
        for await (const message of stream) return message;
      } finally {
        stream.cancel();
      }
      throw new Error('StreamLSN ended');
    };
    const all = await counted([], cursor);
    expect(all['lsn']).toBe('3000');
    expect((await counted(['random.table_2'], cursor))['lsn']).toBe('1500');
    expect((await counted([], all['next_cursor'] as Buffer))['lsn']).toBe('0');
    const some = await follow(peer, cursor, 700, () => undefined);
    const rest = Number((await counted([], some))['lsn']);
    expect(rest).toBeLessThanOrEqual(2_300);
    let left = 0;
    await follow(peer, some, rest, () => left++);
    expect(left).toBe(rest);
  });

  it('gives the same page for the same cursor, in messages that every peer takes', async () => {
    const peer = peerOf(await serve(DATA));
    const [partition] = (await planOf(peer, ['random.table_2'])).partitions;
    const first = await pageOf(peer, partition!, Buffer.alloc(0));
    expect(first.next_cursor.length).toBeGreaterThan(0);
    const bytes = first.data.reduce((sum, each) => sum + each.length, 0);
    expect(bytes).toBeLessThan(2 << 20);
    const isSame = (a: Page, b: Page): boolean =>
      Buffer.concat(a.data).equals(Buffer.concat(b.data)) && a.next_cursor.equals(b.next_cursor);
    expect(isSame(await pageOf(peer, partition!, Buffer.alloc(0)), first)).toBe(true);
    const second = await pageOf(peer, partition!, first.next_cursor);
    expect(isSame(await pageOf(peer, partition!, first.next_cursor), second)).toBe(true);
    expect(isSame(second, first)).toBe(false);
  });

  it('sends only the namespaces asked for, and a cursor now and then while nothing changes', async () => {
    const peer = peerOf(await serve(DATA.replace('changes=3000', 'changes=30')));
    const [updates] = (await planOf(peer)).updates_partitions;
    const request = { namespaces: ['random.table_2'], type: BSON_TYPE, cursor: updates!.cursor };
    const stream = peer.stream('StreamUpdates', request);
    let changes = 0;
    for await (const message of stream) {
      const { namespace, updates: some, next_cursor } = message as unknown as Updates;
      expect(next_cursor.length).toBeGreaterThan(0);
      if (some.length > 0) expect(namespace).toBe('random.table_2');
      changes += some.length;
      if (changes === 15 && some.length === 0) break;
    }
    stream.cancel();
    expect(changes).toBe(15);
  });

  it('refuses with the code that says whether to try again, and does not offer what it cannot do', async () => {
    const peer = peerOf(await serve(DATA));
    const [partition] = (await planOf(peer)).partitions;
    const cursor = Buffer.alloc(0);
    const listData = (more: Message): Promise<Message> =>
      peer.call('ListData', { partition: partition!, type: BSON_TYPE, cursor, ...more });
    const refused = async (call: Promise<unknown>, code: status): Promise<void> =>
      expect(
        await call.then(
          () => null,
          (error: { code: status }) => error.code,
        ),
      ).toBe(code);
    await refused(listData({ type: 'DATA_TYPE_JSON_ID' }), status.INVALID_ARGUMENT);
    await refused(listData({ cursor: Buffer.from('x') }), status.INVALID_ARGUMENT);
    const foreign = { ...partition!, cursor: Buffer.from('x') };
    await refused(listData({ partition: foreign }), status.INVALID_ARGUMENT);
    await refused(planOf(peer, ['no.such']), status.NOT_FOUND);
    const nowhere = peer.call('GetNamespaceMetadata', { namespace: 'no.such' });
    await refused(nowhere, status.NOT_FOUND);
    await refused(peer.call('WriteData', { namespace: 'a' }), status.UNIMPLEMENTED);
    const other = peerOf(await serve(DATA.replace('seed=7', 'seed=8')));
    await refused(pageOf(other, partition!, cursor), status.INVALID_ARGUMENT);
    const lsn: Message[] = [];
    for await (const message of peer.stream('StreamLSN', { namespaces: [] })) lsn.push(message);
    expect(lsn).toEqual([]);
  });

  it('tells a peer that follows to come again when it is stopped', async () => {
    const server = await serve(DATA);
    const peer = peerOf(server);
    const [updates] = (await planOf(peer)).updates_partitions;
    const request = { namespaces: [], type: BSON_TYPE, cursor: updates!.cursor };
    const stream = peer.stream('StreamUpdates', request);
    let stopped: Promise<void> | undefined;
    const end = (async () => {
      for await (const { next_cursor } of stream)
        if (next_cursor !== undefined) stopped ??= server.stop();
    })();
    await expect(end).rejects.toMatchObject({ code: status.UNAVAILABLE });
    running = [];
    await stopped;
  });
});
