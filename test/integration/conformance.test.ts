import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { setTimeout } from 'node:timers/promises';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { BSON } from 'bson';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConnectorServiceDefinition, DataType } from '../../proto/gen/adiom/v1/adiom.ts';
import { type CheckResult, testConnector } from '../conformance/served/conformance.ts';
import type { Subject } from '../conformance/served/subject.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { Channel } from '../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../shared/grpc/channel-settings.ts';
import { createMemoryConnector, serveHandlers } from '../examples/memory-connector.ts';
import { findPython, MISSING_PYTHON, startPython } from '../support/python.ts';
import { InProcessChannel } from '../support/in-process-channel.ts';
import { openServed, serveStore } from '../support/served-store.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const postgres = usePostgres();

const channelTo = (address: string): Channel =>
  new Channel({
    settings: parseChannelUrl(`grpc://${address}`),
    service: ConnectorServiceDefinition.fullName,
    permanent: 'NOT_SUPPORTED',
  });

interface Names {
  read?: string;
  write?: string;
  waitMs?: number;
  /** When the data need no longer stay as it is. */
  onRead?: () => void;
}

async function results(address: string, names: Names = {}): Promise<CheckResult[]> {
  const channel = channelTo(address);
  try {
    return await resultsOf(channel, names);
  } finally {
    channel.close();
  }
}

function resultsOf(channel: Subject['channel'], names: Names): Promise<CheckResult[]> {
  const { read = null, write = null, waitMs = 3_000, onRead } = names;
  const options = { channel, readNamespace: read, writeNamespace: write, waitMs };
  return testConnector(options, ({ name }) => {
    if (/one updates partition/.test(name)) onRead?.();
  });
}

const notHolding = (all: CheckResult[]): CheckResult[] =>
  all.filter(({ result }) => result !== 'holds');

/** How a built-in connector is reached. */
const WAYS: [string, (url: string, names: Names, name?: string) => Promise<CheckResult[]>][] = [
  [
    'over gRPC',
    async (url, names, name = 'served') => {
      const server = await serveStore(url, { name });
      return results(server.address, names).finally(() => server.stop());
    },
  ],
  [
    'in process',
    async (url, names, name) => {
      const connector = await openServed(url, name);
      return resultsOf(new InProcessChannel(connector), names).finally(() =>
        connector.store.close(),
      );
    },
  ],
];

describe.each(WAYS)('everything that a connector promises holds, %s,', (_, test) => {
  it('of random:', async () => {
    expect(notHolding(await test('random:?rows=5000&changes=100&namespaces=2', {}))).toEqual([]);
  });

  it('of null:', async () => {
    expect(notHolding(await test('null:', { write: 'any.where' }))).toMatchObject([
      { name: /refuses a kind of change/ },
    ]);
  });

  it('of null:, and nothing is said to fail that was not asked for', async () => {
    const found = notHolding(await test('null:', {}));
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(({ result }) => result !== 'not tested')).toEqual([]);
  });

  it('of file:, which has no changes to see', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-conformance-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await mkdir(path.join(folder, 'notes'));
    const columns = ['_id', 'k'].map((name) => ({ name, type: 'text' }));
    const schema = JSON.stringify({ columns, key: ['_id'] });
    await writeFile(path.join(folder, 'notes', '_schema.json'), schema);
    const lines = Array.from({ length: 1_300 }, (_, i) => `n${i},${'x'.repeat(1_000)}\n`);
    const csv = `_id,k\n${lines.join('')}`;
    await writeFile(path.join(folder, 'notes', 'plain.csv'), csv);
    await writeFile(path.join(folder, 'notes', 'packed.csv.gz'), gzipSync(csv));
    const found = notHolding(await test(`file:${folder}`, { write: 'notes', waitMs: 1_500 }));
    expect(found.map(({ name, result }) => `${result}: ${name}`)).toEqual([
      expect.stringMatching(/^not tested: GetByIds/),
      expect.stringMatching(/^not tested: StreamUpdates names rows/),
      expect.stringMatching(/^not tested: StreamUpdates goes on/),
    ]);
  });

  it('of PostgreSQL, read and written', async () => {
    const url = await postgres.createDatabase();
    const name = `conformance-${url.slice(-8)}`;
    await queryPostgres(
      url,
      `CREATE TABLE notes (_id text PRIMARY KEY, k text); INSERT INTO notes SELECT 'n' || i, repeat('x', 400) FROM generate_series(1, 6000) i`,
    );
    // Changes are kept from each plan on, so there must be some all the time.
    const over = new AbortController();
    let changing = Promise.resolve();
    const change = async (): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n++) {
        await queryPostgres(url, `UPDATE notes SET k = 'changed ${n}' WHERE _id < 'n11'`);
        await pause(200, over.signal);
      }
    };
    const onRead = (): void => void (changing = change());
    const names = { write: 'public.notes', waitMs: 15_000, onRead };
    const found = await test(url, names, name).finally(() => over.abort());
    await changing;
    expect(notHolding(found)).toEqual([]);
  });
});

async function memory(
  defect: (good: UntypedServiceImplementation) => UntypedServiceImplementation,
) {
  const good = createMemoryConnector();
  const server = await serveHandlers(
    { ...good, ...defect(good) },
    path.join(projectRoot(), 'proto'),
  );
  onTestFinished(() => server.stop());
  const all = await results(server.address, { write: 'memory.notes', waitMs: 500 });
  return all.filter(({ result }) => result === 'fails').map(({ name }) => name);
}

type Handler = (
  call: Record<string, never>,
  done: (error: unknown, answer: Record<string, never>) => void,
) => void;

/** The answer of a handler, changed. */
const changed = (
  good: UntypedServiceImplementation,
  method: string,
  change: (answer: Record<string, unknown>) => object,
): UntypedServiceImplementation => ({
  [method]: ((call, done) =>
    (good[method] as unknown as Handler)(call, (error, answer) =>
      done(error, (answer === undefined ? answer : change(answer)) as never),
    )) as Handler as never,
});

const DEFECTS: [
  string,
  (good: UntypedServiceImplementation) => UntypedServiceImplementation,
  RegExp,
][] = [
  [
    'another id each time',
    (good) => changed(good, 'GetInfo', (info) => ({ ...info, id: `${Math.random()}` })),
    /GetInfo gives the same/,
  ],
  ['no id', (good) => changed(good, 'GetInfo', (info) => ({ ...info, id: '' })), /GetInfo names/],
  [
    'no partitions',
    (good) => changed(good, 'GeneratePlan', (plan) => ({ ...plan, partitions: [] })),
    /GeneratePlan cuts/,
  ],
  [
    'no partition of a namespace that is empty',
    (good) =>
      changed(good, 'GeneratePlan', (plan) => ({
        ...plan,
        updates_partitions: (plan['updates_partitions'] as object[]).map((each) => ({
          ...each,
          namespaces: ['memory.notes', 'memory.empty'],
        })),
      })),
    /each namespace whose changes can be followed a partition/,
  ],
  [
    'no cursor of updates',
    (good) =>
      changed(good, 'GeneratePlan', (plan) => ({
        ...plan,
        updates_partitions: [{ cursor: Buffer.alloc(0) }],
      })),
    /one updates partition/,
  ],
  [
    'everything planned always',
    (good) =>
      changed(good, 'GeneratePlan', (plan) => ({
        ...plan,
        partitions: [{ namespace: 'memory.notes' }],
      })),
    /leaves out/,
  ],
  [
    'a cursor that stands still',
    (good) => changed(good, 'ListData', (page) => ({ ...page, next_cursor: Buffer.from('0') })),
    /ListData gives the same page.*ends/,
  ],
  [
    'ids in any order',
    (good) => changed(good, 'GetByIds', ({ data }) => ({ data: (data as unknown[]).slice(1) })),
    /WriteData replaces/,
  ],
  [
    'deletes that do nothing',
    (good) =>
      ({
        WriteUpdates: (call: { request: { updates: { type: string }[] } }, done: unknown) => {
          call.request.updates = call.request.updates.filter(
            ({ type }) => type !== 'UPDATE_TYPE_DELETE',
          );
          (good['WriteUpdates'] as (c: unknown, d: unknown) => void)(call, done);
        },
      }) as unknown as UntypedServiceImplementation,
    /deletes/,
  ],
  [
    'silence',
    () => ({ StreamUpdates: () => undefined }) as unknown as UntypedServiceImplementation,
    /cursor now and then/,
  ],
];

it('nothing fails of the example in TypeScript, which is a whole connector', async () => {
  expect(await memory(() => ({}))).toEqual([]);
});

it.each(DEFECTS)('a connector with %s is told so by name', async (_, defect, name) => {
  expect((await memory(defect)).join('\n')).toMatch(name);
});

const isPythonThere = findPython() !== undefined;
if (!isPythonThere)
  process.stdout.write(`${MISSING_PYTHON}: the test of the example in Python is skipped\n`);

it.runIf(isPythonThere)(
  'everything that a connector promises holds of the example in Python',
  async () => {
    const file = path.join(projectRoot(), 'test', 'examples', 'memory_connector.py');
    const address = await startPython(file);
    const stop = await keepWriting(address);
    try {
      const found = await results(address, { write: 'memory.notes', waitMs: 10_000 });
      expect(notHolding(found)).toEqual([]);
    } finally {
      await stop();
    }
  },
);

/** Three pages of documents in memory.notes, and changes of them until it is stopped. */
async function keepWriting(address: string): Promise<() => Promise<void>> {
  const channel = channelTo(address);
  const documents = Array.from({ length: 250 }, (_, i) => BSON.serialize({ _id: i, k: `k${i}` }));
  const write = (data: Uint8Array[]) =>
    channel.call(
      ConnectorServiceDefinition.methods.writeData,
      { namespace: 'memory.notes', data, type: DataType.DATA_TYPE_MONGO_BSON },
      { signal: AbortSignal.timeout(60_000) },
    );
  await write(documents);
  let isStopped = false;
  const written = (async () => {
    for (let i = 0; !isStopped; i = (i + 1) % documents.length) {
      await write([documents[i]!]);
      await setTimeout(20);
    }
  })();
  return async () => {
    isStopped = true;
    await written.finally(() => channel.close());
  };
}
