import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  DataType,
  type GetByIdsRequest,
  type GeneratePlanRequest,
  type GetInfoResponse,
  type GetNamespaceMetadataRequest,
  type ListDataRequest,
  type StreamLSNRequest,
  type StreamLSNResponse,
  type StreamUpdatesRequest,
  type StreamUpdatesResponse,
  type WriteDataRequest,
  type WriteUpdatesRequest,
} from '../../proto/gen/adiom/v1/adiom.ts';
import type { Store } from '../../shared/connector/store.ts';
import { answer } from './answer-stream.ts';
import { CallError, toCallError } from './call-error.ts';
import { ServedReader } from './served-reader.ts';
import { ServedWriter } from './served-writer.ts';

export interface ServedConnector {
  store: Store;
  kind: string;
  version: string;
  /** Forms of data that it can be written in. */
  takesAny: boolean;
}

/** The methods of `adiom.v1.ConnectorService` over a store; what the store cannot do is UNIMPLEMENTED. */
export function connectorService(
  connector: ServedConnector,
  stopping: AbortSignal,
): UntypedServiceImplementation {
  const { reader: canRead, writer: canWrite } = connector.store;
  const reader = canRead === null ? null : new ServedReader(connector.store, canRead);
  const writer = canWrite === null ? null : new ServedWriter(canWrite);
  const source = (): ServedReader => reader ?? unimplemented(connector.kind, 'read');
  const sink = (): ServedWriter => writer ?? unimplemented(connector.kind, 'written');
  return {
    getInfo: unary(() => infoOf(connector, reader)),
    getNamespaceMetadata: unary(async ({ namespace }: GetNamespaceMetadataRequest) => ({
      count: await source().count(namespace),
    })),
    generatePlan: unary(async (request: GeneratePlanRequest) => source().plan(request)),
    listData: unary(async (request: ListDataRequest, signal) => source().page(request, signal)),
    getByIds: unary(async (request: GetByIdsRequest) => source().byIds(request)),
    writeData: unary(async (request: WriteDataRequest) => {
      await sink().writeData(request);
      return {};
    }),
    writeUpdates: unary(async (request: WriteUpdatesRequest) => {
      await sink().writeUpdates(request);
      return {};
    }),
    streamUpdates: (call: ServerWritableStream<StreamUpdatesRequest, StreamUpdatesResponse>) =>
      answer(call, stopping, async (stream, signal) => {
        await source().streamUpdates(call.request, stream, signal);
        // It has no end but that of the peer or of this server.
        if (!signal.aborted) throw new DOMException('stopping', 'AbortError');
      }),
    // Whoever asks although it is not offered is told that there is nothing.
    streamLSN: (call: ServerWritableStream<StreamLSNRequest, StreamLSNResponse>) =>
      answer(call, stopping, async (stream, signal) =>
        reader?.streamLSN(call.request, stream, signal),
      ),
  };
}

async function infoOf(
  { store, kind, version, takesAny }: ServedConnector,
  reader: ServedReader | null,
): Promise<GetInfoResponse> {
  const bson = [DataType.DATA_TYPE_MONGO_BSON];
  const source = {
    supportedDataTypes: bson,
    lsnStream: reader?.counts === true,
    multiNamespacePlan: true,
    defaultPlan: true,
    getByIds: reader?.findsByIds === true,
  };
  const sink = { supportedDataTypes: takesAny ? [...bson, DataType.DATA_TYPE_JSON_ID] : bson };
  const capabilities = {
    source: reader === null ? undefined : source,
    sink: store.writer === null ? undefined : sink,
  };
  return { id: await store.readIdentity(), dbType: kind, version, spec: '', capabilities };
}

function unimplemented(kind: string, verb: string): never {
  throw new CallError(status.UNIMPLEMENTED, `${kind}: cannot be ${verb}; see GetInfo`);
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
