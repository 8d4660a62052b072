import path from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { deserialize, type Document, serialize } from 'bson';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';

interface Update {
  id: object[];
  type: string;
  data: Buffer;
}

interface Request {
  namespace: string;
  data: Buffer[];
  updates: Update[];
}

type Done = (error: object | null, answer?: object) => void;

export interface TransformPeer {
  url: string;
  /** Namespace, and how many documents and updates, of each call. */
  calls: { namespace: string; data: number; updates: number }[];
}

export interface TransformPeerOptions {
  /** Null: the document is left out. */
  transform: (document: Document) => Document | null;
  /** Where a document goes, which then comes back in a response for that namespace; left out, it stays. */
  send?: (document: Document) => string[];
  /** The first so many calls fail as those of a server that is away. */
  failures?: number;
  takes?: string;
}

/** A TransformService that has nothing of ours but the .proto files; ends with the test. */
export async function startTransformPeer(options: TransformPeerOptions): Promise<TransformPeer> {
  const { transform, send, takes = 'DATA_TYPE_MONGO_BSON' } = options;
  const definition = loadSync(['adiom/v1/adiom.proto', 'adiom/v1/vector.proto'], {
    includeDirs: [path.join(projectRoot(), 'proto')],
    keepCase: true,
    enums: String,
    defaults: true,
  });
  const { adiom } = loadPackageDefinition(definition) as unknown as {
    adiom: { v1: { TransformService: { service: ServiceDefinition } } };
  };
  const calls: TransformPeer['calls'] = [];
  let failures = options.failures ?? 0;
  const change = (bytes: Buffer): Buffer | null => {
    const made = transform(deserialize(bytes, { useBigInt64: true, promoteValues: true }));
    return made === null ? null : Buffer.from(serialize(made));
  };
  /** One response for each document and namespace that it goes to. */
  const spread = (to: typeof send & {}, { data, updates }: Pick<Request, 'data' | 'updates'>) => [
    ...data.flatMap((bytes) => {
      const names = to(deserialize(bytes, { useBigInt64: true }));
      return names.map((namespace) => ({ namespace, data: [change(bytes)] }));
    }),
    ...updates.flatMap((update) => {
      const names = to(deserialize(update.data, { useBigInt64: true }));
      const updated = [{ ...update, data: change(update.data) }];
      return names.map((namespace) => ({ namespace, updates: updated }));
    }),
  ];
  const server = new Server();
  server.addService(adiom.v1.TransformService.service, {
    GetTransformInfo: (_: unknown, done: Done) =>
      done(null, { transforms: [{ request_type: takes, response_types: [takes] }] }),
    GetTransform: ({ request }: { request: Request }, done: Done) => {
      if (failures-- > 0) return done({ code: status.UNAVAILABLE, message: 'away' });
      const { namespace, data, updates } = request;
      calls.push({ namespace, data: data.length, updates: updates.length });
      if (send !== undefined) return done(null, { responses: spread(send, { data, updates }) });
      done(null, {
        data: data.map(change).filter((each) => each !== null),
        updates: updates.flatMap((update) => {
          const made = change(update.data);
          return made === null ? [] : [{ ...update, data: made }];
        }),
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  return { url: `grpc://127.0.0.1:${port}`, calls };
}
