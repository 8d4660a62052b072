/**
 * A complete connector in one file: documents in memory, to be read, followed and written. It needs a gRPC library, the
 * .proto files and a BSON library, nothing of Weir. Run by the tests; docs/connectors.md explains it.
 */
import path from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { BSON } from 'bson';

interface Id {
  data: Buffer;
  type: number;
  name: string;
}
interface Update {
  id: Id[];
  type: string;
  data: Buffer;
}
interface Call<Request> {
  request: Request;
  write(message: object): void;
  end(): void;
  on(event: 'cancelled', listener: () => void): void;
  emit(event: 'error', error: object): void;
}
type Done = (error: object | null, answer?: object) => void;

const BSON_TYPE = 'DATA_TYPE_MONGO_BSON';
const NAMESPACE = 'memory.notes';
const PAGE = 100;
const HEARTBEAT_MS = 100;

/** What a program may not do again in the same way; it stops there. */
const refuse = (code: status, details: string): object =>
  Object.assign(new Error(details), { code, details });

/** The handlers of adiom.v1.ConnectorService. */
export function createMemoryConnector(): UntypedServiceImplementation {
  /** By the bytes of the _id, in the order in which they came. */
  const documents = new Map<string, Buffer>();
  /** Every change since the start. A cursor is a place in it: so it means the same whoever asks. */
  const log: Update[] = [];

  const keyOf = ({ type, data }: Id): string => `${type}:${data.toString('hex')}`;
  const idOf = (document: Buffer): Id => {
    const bytes = Buffer.from(
      BSON.serialize({
        _id: BSON.deserialize(document, { promoteValues: false })['_id'] as unknown,
      }),
    );
    return { type: bytes[4]!, data: bytes.subarray(9, bytes.length - 1), name: '_id' };
  };
  const apply = ({ id, type, data }: Update): void => {
    const key = keyOf(id[0]!);
    if (type === 'UPDATE_TYPE_DELETE') documents.delete(key);
    else documents.set(key, data);
    log.push({ id, type, data });
  };
  const known = (namespace: string): boolean => namespace === NAMESPACE;

  const handlers: object = {
    GetInfo: (_: unknown, done: Done) =>
      done(null, {
        id: 'memory',
        db_type: 'memory',
        version: '1',
        capabilities: {
          source: {
            supported_data_types: [BSON_TYPE],
            multi_namespace_plan: true,
            default_plan: true,
            get_by_ids: true,
          },
          sink: { supported_data_types: [BSON_TYPE] },
        },
      }),

    GetNamespaceMetadata: (_: unknown, done: Done) => done(null, { count: documents.size }),

    // The place in the log is noted before anything is read: what pages may lack comes as changes.
    GeneratePlan(
      { request }: Call<{ namespaces: string[]; initial_sync: boolean; updates: boolean }>,
      done: Done,
    ) {
      if (!request.namespaces.every(known))
        return done(refuse(status.NOT_FOUND, 'there is only memory.notes'));
      const cursor = Buffer.from(String(log.length));
      done(null, {
        partitions: request.initial_sync
          ? [{ namespace: NAMESPACE, cursor: Buffer.from('all'), estimated_count: documents.size }]
          : [],
        updates_partitions: request.updates ? [{ namespaces: [NAMESPACE], cursor }] : [],
      });
    },

    // The cursor of a page is the id behind which it begins; empty at the end.
    ListData({ request }: Call<{ type: string; cursor: Buffer }>, done: Done) {
      if (request.type !== BSON_TYPE) return done(refuse(status.INVALID_ARGUMENT, 'ask for BSON'));
      const keys = [...documents.keys()].sort();
      const after = request.cursor.toString();
      const page = keys.filter((key) => key > after).slice(0, PAGE);
      const last = page.at(-1);
      const isEnd = last === undefined || last === keys.at(-1);
      done(null, {
        data: page.map((key) => documents.get(key)),
        next_cursor: Buffer.from(isEnd ? '' : last),
      });
    },

    StreamUpdates(call: Call<{ cursor: Buffer }>) {
      let at = Number(call.request.cursor.toString());
      if (!Number.isInteger(at))
        return call.emit('error', refuse(status.INVALID_ARGUMENT, 'the cursor is not ours'));
      const send = (): void => {
        const updates = log.slice(at, at + PAGE);
        at += updates.length;
        call.write({ namespace: NAMESPACE, updates, next_cursor: Buffer.from(String(at)) });
      };
      send();
      // Also when nothing changed: a cursor alone tells that we are alive.
      const timer = setInterval(send, HEARTBEAT_MS);
      call.on('cancelled', () => clearInterval(timer));
    },

    StreamLSN: (call: Call<unknown>) => call.end(),

    GetByIds: ({ request }: Call<{ ids: { id: Id[] }[] }>, done: Done) =>
      done(null, {
        data: request.ids.map(({ id }) => ({
          data: documents.get(keyOf(id[0]!)) ?? Buffer.alloc(0),
        })),
      }),

    WriteData({ request }: Call<{ namespace: string; data: Buffer[] }>, done: Done) {
      if (!known(request.namespace))
        return done(refuse(status.NOT_FOUND, 'there is only memory.notes'));
      for (const data of request.data)
        apply({ id: [idOf(data)], type: 'UPDATE_TYPE_UPDATE', data });
      done(null, {});
    },

    WriteUpdates({ request }: Call<{ namespace: string; updates: Update[] }>, done: Done) {
      if (!known(request.namespace))
        return done(refuse(status.NOT_FOUND, 'there is only memory.notes'));
      const kinds = ['UPDATE_TYPE_INSERT', 'UPDATE_TYPE_UPDATE', 'UPDATE_TYPE_DELETE'];
      if (!request.updates.every(({ type }) => kinds.includes(type)))
        return done(refuse(status.INVALID_ARGUMENT, `known are ${kinds.join(', ')}`));
      for (const update of request.updates) apply(update);
      done(null, {});
    },
  };
  return handlers as UntypedServiceImplementation;
}

/** Serves handlers; returns the address and what stops it. */
export async function serveHandlers(
  handlers: UntypedServiceImplementation,
  protoFolder: string,
): Promise<{ address: string; stop(): void }> {
  const options = {
    includeDirs: [protoFolder],
    keepCase: true,
    enums: String,
    longs: Number,
    defaults: true,
  };
  const definition = loadSync(path.join('adiom', 'v1', 'adiom.proto'), options);
  const { adiom } = loadPackageDefinition(definition) as unknown as {
    adiom: { v1: { ConnectorService: { service: Parameters<Server['addService']>[0] } } };
  };
  const server = new Server({ 'grpc.max_receive_message_length': 128 << 20 });
  server.addService(adiom.v1.ConnectorService.service, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, taken) =>
      error === null ? resolve(taken) : reject(error),
    ),
  );
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
