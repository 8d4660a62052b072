import path from 'node:path';
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { ConnectorServiceDefinition } from '../../proto/gen/adiom/v1/adiom.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { toGrpcService } from '../../shared/grpc/service-definition.ts';
import { connectorService, type ServedConnector } from './connector-service.ts';
import { type ServerAccess, toServerCredentials, tokenGuard } from './server-access.ts';
import { widenWindows } from './wide-windows.ts';

/** Room for messages of 128 MiB and what is around them. */
const MAX_MESSAGE_BYTES = 256 << 20;
const STOP_MS = 10_000;
/** A peer that is gone without a word must not hold a stream. */
const KEEPALIVE_MS = 30_000;

export interface ServerOptions {
  connector: ServedConnector;
  /** HOST:PORT; port 0 takes a free one. */
  listen: string;
  access: ServerAccess;
  /** Where the .proto files are, for reflection. */
  protoFolder: string;
}

export interface RunningServer {
  /** With the port that was taken. */
  address: string;
  /** Ends the streams, so that their peers go on elsewhere, and then waits for what is in flight. */
  stop(): Promise<void>;
}

/** Serves a connector as `adiom.v1.ConnectorService`, with `grpc.health.v1.Health` and reflection beside it. */
export async function serveConnector(options: ServerOptions): Promise<RunningServer> {
  const { connector, listen, access, protoFolder } = options;
  const stopping = new AbortController();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    interceptors: access.token === null ? [] : [tokenGuard(access.token)],
  });
  const service = toGrpcService(ConnectorServiceDefinition);
  server.addService(service, connectorService(connector, stopping.signal));
  const { fullName } = ConnectorServiceDefinition;
  const health = new HealthImplementation({ '': 'SERVING', [fullName]: 'SERVING' });
  health.addToServer(server as unknown as Parameters<typeof health.addToServer>[0]);
  describe(protoFolder).addToServer(server);
  const port = await bind(server, listen, toServerCredentials(access));
  widenWindows(server);
  return {
    address: listen.replace(/:\d+$/, `:${port}`),
    async stop() {
      for (const name of ['', fullName]) health.setStatus(name, 'NOT_SERVING');
      stopping.abort();
      const force = setTimeout(() => server.forceShutdown(), STOP_MS);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(force);
      await connector.store.close();
    },
  };
}

function describe(protoFolder: string): ReflectionService {
  const file = path.join('adiom', 'v1', 'adiom.proto');
  const definition = loadSync(file, { includeDirs: [protoFolder], keepCase: true });
  return new ReflectionService(definition);
}

function bind(server: Server, listen: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, port) => {
      if (error === null) return resolve(port);
      reject(
        new WeirError(
          'CONFIG_INVALID',
          `cannot listen at ${listen}: ${error.message}; name a free HOST:PORT of this machine`,
          { cause: error },
        ),
      );
    });
  });
}
