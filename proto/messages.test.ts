import { BinaryReader } from '@bufbuild/protobuf/wire';
import path from 'node:path';
import { inspect } from 'node:util';
import protobuf from 'protobufjs';
import { beforeAll, describe, expect, it } from 'vitest';
import * as adiom from './gen/adiom/v1/adiom.ts';

/**
 * The wire is the contract: other programs speak it with code of their own. `protobufjs` reads the .proto files by
 * itself and stands for them here.
 */
interface Codec {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

const schema = new protobuf.Root();
schema.resolvePath = (_origin, target) =>
  target.startsWith('google/') ? target : path.join(import.meta.dirname, target);

beforeAll(async () => {
  await schema.load(['adiom/v1/adiom.proto', 'adiom/v1/vector.proto']);
  schema.resolveAll();
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const id = { data: bytes('\x05\x00\x00\x00id42\x00'), type: 2, name: '_id' };
const part = { data: new Uint8Array([255, 0, 1]), type: 0x05, name: 'größe' };
const update = {
  id: [id, part],
  type: 4,
  data: bytes('{"a":1}'),
  partialUpdateUnset: ['a.b', ''],
};
const partition = {
  namespace: 'shop.orders',
  partitionHeader: 'x-route',
  partitionValue: 'b-7',
  cursor: new Uint8Array([0, 255]),
  estimatedCount: 18_446_744_073_709_551_615n,
};
const source = {
  supportedDataTypes: [1, 2, 1000],
  lsnStream: true,
  multiNamespacePlan: true,
  defaultPlan: true,
  getByIds: true,
};
const empty = new Uint8Array();

/** Every message with every field set, and where zero or nothing means something, with that too. */
const MESSAGES: Record<string, object[]> = {
  BsonValue: [id, part, { data: empty, type: 0, name: '' }],
  UpdatesPartition: [
    {
      namespaces: ['a.b', 'c'],
      partitionHeader: 'x-route',
      partitionValue: 'b-7',
      cursor: bytes('here'),
    },
  ],
  Partition: [partition, { ...partition, cursor: empty, estimatedCount: 0n }],
  'Capabilities.Source': [source, { ...source, supportedDataTypes: [], lsnStream: false }],
  'Capabilities.Sink': [{ supportedDataTypes: [2, 1] }, { supportedDataTypes: [] }],
  Capabilities: [
    { source, sink: { supportedDataTypes: [] } },
    { source: undefined, sink: undefined },
  ],
  GetInfoRequest: [{}],
  GetInfoResponse: [
    {
      id: 'one',
      dbType: 'random',
      version: '1',
      spec: 'seed 7',
      capabilities: { source, sink: undefined },
    },
    { id: '', dbType: '', version: '', spec: '', capabilities: undefined },
  ],
  GetNamespaceMetadataRequest: [{ namespace: 'a.b' }],
  GetNamespaceMetadataResponse: [{ count: 9_007_199_254_740_993n }],
  GeneratePlanRequest: [{ namespaces: ['a', ''], initialSync: true, updates: true }],
  GeneratePlanResponse: [
    {
      partitions: [partition, { ...partition, namespace: '' }],
      updatesPartitions: [
        { namespaces: [], partitionHeader: '', partitionValue: '', cursor: empty },
      ],
    },
  ],
  ListDataRequest: [
    { partition, type: 1, cursor: bytes('page 2') },
    { partition: undefined, type: 2000, cursor: empty },
  ],
  ListDataResponse: [{ data: [bytes('one'), empty, bytes('three')], nextCursor: bytes('next') }],
  WriteDataRequest: [{ namespace: 'a.b', data: [bytes('one'), empty], type: 2 }],
  WriteDataResponse: [{}],
  Update: [update, { id: [], type: 3, data: empty, partialUpdateUnset: [] }],
  WriteUpdatesRequest: [{ namespace: 'a.b', updates: [update, update], type: 1 }],
  WriteUpdatesResponse: [{}],
  StreamUpdatesRequest: [{ namespaces: ['a', 'b'], type: 1, cursor: bytes('from') }],
  StreamUpdatesResponse: [
    {
      updates: [update],
      namespace: 'a.b',
      nextCursor: bytes('to'),
      time: { seconds: 1_700_000_000n, nanos: 999_999_999 },
    },
    { updates: [], namespace: '', nextCursor: bytes('heartbeat'), time: undefined },
  ],
  StreamLSNRequest: [{ namespaces: ['a'], cursor: bytes('from') }],
  StreamLSNResponse: [{ lsn: 4_294_967_296n, nextCursor: bytes('to') }],
  'GetByIdsRequest.IdRequest': [{ id: [id, part] }],
  GetByIdsRequest: [{ namespace: 'a.b', ids: [{ id: [id] }, { id: [] }], type: 2 }],
  'GetByIdsResponse.ResponseItem': [{ data: bytes('found') }],
  GetByIdsResponse: [{ data: [{ data: bytes('found') }, { data: empty }] }],
  GetTransformInfoRequest: [{}],
  'GetTransformInfoResponse.TransformInfo': [{ requestType: 1, responseTypes: [2, 1] }],
  GetTransformInfoResponse: [
    { transforms: [{ requestType: 1, responseTypes: [2] }], useMultipleResponses: true },
  ],
  GetTransformRequest: [
    { namespace: 'a', updates: [update], data: [bytes('x')], requestType: 1, responseType: 2 },
  ],
  TransformResponse: [{ namespace: 'b', updates: [update], data: [bytes('x')] }],
  GetTransformResponse: [
    {
      namespace: 'a',
      updates: [update],
      data: [bytes('x'), empty],
      responses: [{ namespace: '', updates: [], data: [] }],
    },
  ],
  GetSupportedDataTypesRequest: [{}],
  GetSupportedDataTypesResponse: [{ types: [1, 2] }],
  GetChunkedRequest: [{ data: [bytes('x')], type: 2 }],
  Chunked: [{ data: [bytes('x'), empty] }],
  GetChunkedResponse: [{ data: [{ data: [bytes('x')] }, { data: [] }] }],
  GetEmbeddingRequest: [{ data: [bytes('x')], type: 1 }],
  Embedding: [{ data: [0, -1.5, Number.MAX_VALUE, Number.NaN] }],
  GetEmbeddingResponse: [{ data: [{ data: [1] }, { data: [] }] }],
};

const codecOf = (name: string): Codec =>
  (adiom as unknown as Record<string, Codec>)[name.replace('.', '_')]!;

/** In the form that protobufjs takes: numbers of 64 bits as text, and nothing for what is not set. */
function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toPlain);
  const set = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(set.map(([key, each]) => [key, toPlain(each)]));
}

/** With bytes as hex, so that views of different kinds compare by what they hold. */
function toText(value: unknown): string {
  return inspect(toHex(value), { depth: null, sorted: true });
}

function toHex(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toHex);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toHex(each)]));
}

describe('a message', () => {
  it('of every kind in the .proto files is among those compared here', () => {
    const found: string[] = [];
    const visit = (namespace: protobuf.NamespaceBase): void => {
      for (const each of namespace.nestedArray) {
        if (each instanceof protobuf.Type) found.push(each.fullName.replace('.adiom.v1.', ''));
        if (each instanceof protobuf.Namespace) visit(each);
      }
    };
    visit(schema.lookup('adiom.v1') as protobuf.Namespace);
    expect(Object.keys(MESSAGES).sort()).toEqual(found.sort());
  });

  it.each(Object.entries(MESSAGES))(
    '%s has the bytes that an independent implementation writes',
    (name, examples) => {
      const type = schema.lookupType(`adiom.v1.${name}`);
      for (const example of examples) {
        const theirs = type.encode(type.fromObject(toPlain(example) as object)).finish();
        expect(hex(codecOf(name).encode(example).finish())).toBe(hex(theirs));
        expect(toText(codecOf(name).decode(theirs))).toBe(toText(example));
        for (const field of type.fieldsArray.filter(() => examples[0] === example))
          expect(example, `sets ${field.name}`).toHaveProperty(field.name);
      }
    },
  );

  it('is read without copying the documents in it', () => {
    const message = { data: [bytes('document')], nextCursor: bytes('next') };
    const wire = adiom.ListDataResponse.encode(message).finish();
    const { data } = adiom.ListDataResponse.decode(new BinaryReader(wire));
    expect(data[0]!.buffer).toBe(wire.buffer);
  });

  it('keeps a number of a data type that it has no name for', () => {
    const wire = adiom.WriteDataRequest.encode({
      namespace: 'a',
      data: [],
      type: 4711 as adiom.DataType,
    }).finish();
    expect(adiom.WriteDataRequest.decode(wire).type).toBe(4711);
  });
});

describe('a service', () => {
  it('is called by the paths of the contract', () => {
    const paths = [
      adiom.ConnectorServiceDefinition,
      adiom.TransformServiceDefinition,
      adiom.ChunkingServiceDefinition,
      adiom.EmbeddingServiceDefinition,
    ].flatMap(({ fullName, methods }) =>
      Object.values(methods).map(
        ({ name, responseStream }) => `${fullName}/${name}${responseStream ? ' stream' : ''}`,
      ),
    );
    expect(paths.sort()).toEqual([
      'adiom.v1.ChunkingService/GetChunked',
      'adiom.v1.ChunkingService/GetSupportedDataTypes',
      'adiom.v1.ConnectorService/GeneratePlan',
      'adiom.v1.ConnectorService/GetByIds',
      'adiom.v1.ConnectorService/GetInfo',
      'adiom.v1.ConnectorService/GetNamespaceMetadata',
      'adiom.v1.ConnectorService/ListData',
      'adiom.v1.ConnectorService/StreamLSN stream',
      'adiom.v1.ConnectorService/StreamUpdates stream',
      'adiom.v1.ConnectorService/WriteData',
      'adiom.v1.ConnectorService/WriteUpdates',
      'adiom.v1.EmbeddingService/GetEmbedding',
      'adiom.v1.EmbeddingService/GetSupportedDataTypes',
      'adiom.v1.TransformService/GetTransform',
      'adiom.v1.TransformService/GetTransformInfo',
    ]);
  });

  it('has the field numbers of the contract', () => {
    const numbers = (name: string): Record<string, number> =>
      Object.fromEntries(
        schema.lookupType(`adiom.v1.${name}`).fieldsArray.map(({ name, id }) => [name, id]),
      );
    expect(numbers('Update')).toEqual({ id: 1, type: 2, data: 3, partialUpdateUnset: 4 });
    expect(numbers('StreamUpdatesResponse')).toEqual({
      updates: 1,
      namespace: 2,
      nextCursor: 3,
      time: 4,
    });
    expect(hex(adiom.BsonValue.encode({ data: bytes('d'), type: 2, name: 'n' }).finish())).toBe(
      '0a016410021a016e',
    );
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
