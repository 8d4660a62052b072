import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ConnectorServiceDefinition, DataType } from '../../proto/gen/adiom/v1/adiom.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { serveConnector } from '../../services/connector-server/connector-server.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { toTuple } from '../../shared/change/tuple.ts';
import type { NetChanges } from '../../shared/connector/sink.ts';
import type { Store } from '../../shared/connector/store.ts';
import { Channel } from '../../shared/grpc/channel.ts';
import { parseChannelUrl } from '../../shared/grpc/channel-settings.ts';

const MIB = 1 << 20;
const MESSAGE_BYTES = 128 * MIB;
const { listData, writeData } = ConnectorServiceDefinition.methods;
const column = (name: string, type: string) => ({ name, type, encoding: 'text' as const });
const RELATION: Relation = {
  namespace: 'large.rows',
  columns: [column('id', 'bigint'), column('payload', 'text')],
  key: [0],
  identity: 'key',
  order: 'key',
};

/** Two rows that together are more than such a message, and what is written. */
function largeStore(written: NetChanges[]): Store {
  const payload = 'x'.repeat(MESSAGE_BYTES / 2);
  return {
    readIdentity: () => Promise.resolve('large'),
    reader: {
      list: () => Promise.resolve([RELATION]),
      relationOf: () => Promise.resolve(RELATION),
      count: () => Promise.resolve(2),
      cut: () => Promise.resolve([{ namespace: 'large.rows', cursor: 0, estimatedRows: 2 }]),
      readPage: () =>
        Promise.resolve({
          relation: RELATION,
          tuples: [toTuple(['1', payload]), toTuple(['2', payload])],
          next: null,
        }),
      begin: () => Promise.reject(new Error('nothing is followed here')),
      streamUpdates: () => Promise.reject(new Error('nothing is followed here')),
    },
    writer: {
      relationOf: () => Promise.resolve(RELATION),
      fillAbsent: (_relation, rows) => Promise.resolve([...rows]),
      write: (changes) => Promise.resolve(void written.push(changes)),
      count: () => Promise.resolve(),
    },
    close: () => Promise.resolve(),
  };
}

it('a message of 128 MiB goes through server and client in both directions, in memory of a few times its size', async () => {
  const written: NetChanges[] = [];
  const server = await serveConnector({
    connector: { store: largeStore(written), kind: 'large', version: '1', takesAny: false },
    listen: '127.0.0.1:0',
    access: { tls: null, token: null },
    protoFolder: path.join(projectRoot(), 'proto'),
  });
  onTestFinished(() => server.stop());
  const channel = new Channel({
    settings: parseChannelUrl(`grpc://${server.address}`),
    service: ConnectorServiceDefinition.fullName,
    permanent: 'NOT_SUPPORTED',
  });
  onTestFinished(() => channel.close());
  const call = { signal: new AbortController().signal };
  const plan = { namespaces: [], initialSync: true, updates: false };
  const { generatePlan } = ConnectorServiceDefinition.methods;
  const { partitions } = await channel.call(generatePlan, plan, call);
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  onTestFinished(() => clearInterval(watch));

  const type = DataType.DATA_TYPE_MONGO_BSON;
  const cursor = new Uint8Array();
  const { data } = await channel.call(listData, { partition: partitions[0], type, cursor }, call);
  expect(data.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(MESSAGE_BYTES);
  await channel.call(writeData, { namespace: 'large.rows', data, type }, call);
  const [changes] = written;
  expect(changes!.upserts.map(({ length }) => length)).toEqual(
    [1, 2].map(() => toTuple(['1', '']).length + MESSAGE_BYTES / 2),
  );
  // Both ends are in this process, and hold rows, documents and the message, coming and going.
  expect(most - before).toBeLessThan(9 * MESSAGE_BYTES);
});
