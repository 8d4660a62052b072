import { once } from 'node:events';
import type { Writable } from 'node:stream';
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import {
  ConnectorServiceDefinition,
  type GeneratePlanRequest,
  type GetNamespaceMetadataRequest,
  type ListDataRequest,
  type StreamLSNRequest,
  type StreamLSNResponse,
  type StreamUpdatesRequest,
  type StreamUpdatesResponse,
} from '../../proto/gen/adiom/v1/adiom.ts';
import { isAbort, WeirError } from '../../shared/errors/weir-error.ts';
import { toCallError } from './call-error.ts';
import { toGrpcService } from '../../shared/grpc/service-definition.ts';
import type { ServedSource } from './served-source.ts';

const MAX_MESSAGE_BYTES = 256 << 20;
const STOP_MS = 5_000;

export interface RunningServer {
  /** With the port that was taken. */
  address: string;
  /** Ends the streams, so that their peers go on elsewhere, and then waits for what is in flight. */
  stop(): Promise<void>;
}

/** Serves a source as `adiom.v1.ConnectorService`, without encryption; whatever it cannot do is UNIMPLEMENTED. */
export async function serveConnector(source: ServedSource, listen: string): Promise<RunningServer> {
  const stopping = new AbortController();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
  });
  server.addService(toGrpcService(ConnectorServiceDefinition), {
    getInfo: unary(() => source.info()),
    getNamespaceMetadata: unary(async ({ namespace }: GetNamespaceMetadataRequest) => ({
      count: await source.count(namespace),
    })),
    generatePlan: unary((request: GeneratePlanRequest) => source.plan(request)),
    listData: unary((request: ListDataRequest, signal) => source.page(request, signal)),
    streamUpdates: (call: ServerWritableStream<StreamUpdatesRequest, StreamUpdatesResponse>) =>
      void streamUpdates(source, call, stopping.signal),
    // Whoever asks although it is not offered is told that there is nothing.
    streamLSN: (call: ServerWritableStream<StreamLSNRequest, StreamLSNResponse>) => call.end(),
  });
  const port = await bind(server, listen);
  return {
    address: listen.replace(/:\d+$/, `:${port}`),
    async stop() {
      stopping.abort();
      const force = setTimeout(() => server.forceShutdown(), STOP_MS);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(force);
      await source.close();
    },
  };
}

function unary<Request, Response>(
  work: (request: Request, signal: AbortSignal) => Promise<Response>,
): (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => void {
  return (call, done) => {
    const given = new AbortController();
    call.on('cancelled', () => given.abort());
    work(call.request, given.signal).then(
      (response) => done(null, response),
      (error: unknown) => done(toCallError(error)),
    );
  };
}

async function streamUpdates(
  source: ServedSource,
  call: ServerWritableStream<StreamUpdatesRequest, StreamUpdatesResponse>,
  stopping: AbortSignal,
): Promise<void> {
  const given = new AbortController();
  call.on('cancelled', () => given.abort());
  const signal = AbortSignal.any([given.signal, stopping]);
  const stream = {
    write: (response: StreamUpdatesResponse) => signal.aborted || call.write(response),
    drained: () => (call.writableNeedDrain ? drainOf(call, signal) : Promise.resolve()),
  };
  try {
    await source.streamUpdates(call.request, stream, signal);
    if (!given.signal.aborted) throw new DOMException('stopping', 'AbortError');
    call.end();
  } catch (error) {
    call.emit('error', toCallError(error));
  }
}

/** Resolves too when the peer is gone or the server stops. */
async function drainOf(call: Writable, signal: AbortSignal): Promise<void> {
  try {
    await once(call, 'drain', { signal });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}

function bind(server: Server, listen: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, port) => {
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
