import { Client, Metadata, type CallOptions } from '@grpc/grpc-js';
import type { ErrorCode } from '../errors/codes.ts';
import { toCallFailure } from './call-failure.ts';
import {
  readAuthorization,
  toChannelCredentials,
  toChannelOptions,
} from './channel-credentials.ts';
import type { ChannelSettings } from './channel-settings.ts';

interface Message<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** One method of a generated service. */
export interface Method<Request, Response> {
  name: string;
  requestType: Message<Request>;
  responseType: Message<Response>;
}

export interface ChannelOptions {
  settings: ChannelSettings;
  /** With its package, as in the path of a call. */
  service: string;
  /** Code of errors that do not heal and have none of their own. */
  permanent: ErrorCode;
}

export interface Call {
  signal: AbortSignal;
  /** Sent with the request. */
  headers?: Readonly<Record<string, string>>;
}

/** A connection to a peer's service. It connects with the first call, and again by itself. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #client: Client;

  constructor(options: ChannelOptions) {
    this.#options = options;
    const { settings } = options;
    this.#client = new Client(
      settings.address,
      toChannelCredentials(settings),
      toChannelOptions(settings),
    );
  }

  /** What the URL asks documents to be. */
  get documents(): ChannelSettings['documents'] {
    return this.#options.settings.documents;
  }

  get address(): string {
    return this.#options.settings.address;
  }

  /** A call with one answer, which must come within the settings' time. */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): Promise<Response> {
    call.signal.throwIfAborted();
    const deadline = Date.now() + this.#options.settings.timeoutMs;
    const metadata = this.#metadata(call);
    return new Promise<Response>((resolve, reject) => {
      const running = this.#client.makeUnaryRequest(
        this.#path(method),
        serializer(method.requestType),
        deserializer(method.responseType),
        request,
        metadata,
        { deadline } satisfies CallOptions,
        (error, response) => {
          call.signal.removeEventListener('abort', cancel);
          if (call.signal.aborted) reject(aborted());
          else if (error !== null) reject(this.#failure(error, method));
          else resolve(response!);
        },
      );
      const cancel = (): void => running.cancel();
      call.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** A call with many answers; ends without an error when aborted. Answers are asked for as they are taken. */
  async *stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncGenerator<Response> {
    if (call.signal.aborted) return;
    const running = this.#client.makeServerStreamRequest(
      this.#path(method),
      serializer(method.requestType),
      deserializer(method.responseType),
      request,
      this.#metadata(call),
    );
    // After a cancelled call there may come an error that nobody waits for any more.
    running.on('error', () => undefined);
    const cancel = (): void => running.cancel();
    call.signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const response of running) {
        yield response as Response;
        if (call.signal.aborted) return;
      }
    } catch (error) {
      if (!call.signal.aborted) throw this.#failure(error, method);
    } finally {
      call.signal.removeEventListener('abort', cancel);
      running.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #path({ name }: { name: string }): string {
    return `/${this.#options.service}/${name}`;
  }

  #metadata({ headers = {} }: Call): Metadata {
    const metadata = new Metadata();
    const authorization = readAuthorization(this.#options.settings);
    if (authorization !== null) metadata.set('authorization', authorization);
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return metadata;
  }

  #failure(error: unknown, { name }: { name: string }): Error {
    return toCallFailure(error, `${name} at ${this.address}`, this.#options.permanent);
  }
}

function serializer<T>(type: Message<T>): (message: T) => Buffer {
  return (message) => toBuffer(type.encode(message).finish());
}

function deserializer<T>(type: Message<T>): (bytes: Buffer) => T {
  return (bytes) => type.decode(bytes);
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function aborted(): DOMException {
  return new DOMException('the call was cancelled', 'AbortError');
}
