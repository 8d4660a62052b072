import type { ServiceDefinition } from '@grpc/grpc-js';

interface Codec {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

interface GenericService {
  fullName: string;
  methods: Readonly<
    Record<
      string,
      {
        name: string;
        requestType: Codec;
        requestStream: boolean;
        responseType: Codec;
        responseStream: boolean;
      }
    >
  >;
}

/** A generated service as the gRPC library takes it; bytes are handed over as views, not copied. */
export function toGrpcService({ fullName, methods }: GenericService): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(methods).map(([key, method]) => [
      key,
      {
        path: `/${fullName}/${method.name}`,
        requestStream: method.requestStream,
        responseStream: method.responseStream,
        requestSerialize: (message: unknown) =>
          toBuffer(method.requestType.encode(message as never).finish()),
        requestDeserialize: (bytes: Buffer) => method.requestType.decode(bytes),
        responseSerialize: (message: unknown) =>
          toBuffer(method.responseType.encode(message as never).finish()),
        responseDeserialize: (bytes: Buffer) => method.responseType.decode(bytes),
      },
    ]),
  );
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
