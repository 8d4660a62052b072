import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { ServiceError } from '@grpc/grpc-js';
import {
  connectorService,
  type ServedConnector,
} from '../../services/connector-server/connector-service.ts';
import { toCallFailure } from '../../shared/grpc/call-failure.ts';
import type { Call, Channel, Method } from '../../shared/grpc/channel.ts';

/** The methods of a served connector, called without a network in between: messages go over as they are. */
export class InProcessChannel implements Pick<Channel, 'call' | 'stream'> {
  readonly #handlers: Record<string, unknown>;

  constructor(connector: ServedConnector) {
    this.#handlers = connectorService(connector, new AbortController().signal);
  }

  call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const handle = this.#handlerOf(method) as (
      call: object,
      done: (error: ServiceError | null, response: Response) => void,
    ) => void;
    return new Promise((resolve, reject) => {
      handle(Object.assign(new EventEmitter(), { request }), (error, response) =>
        error === null ? resolve(response) : reject(failureOf(error, method)),
      );
    });
  }

  async *stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { signal }: Call,
  ): AsyncGenerator<Response> {
    const answers = new PassThrough({ objectMode: true });
    const cancel = (): void => void answers.emit('cancelled');
    signal.addEventListener('abort', cancel);
    const handle = this.#handlerOf(method) as (call: object) => void;
    handle(Object.assign(answers, { request }));
    try {
      for await (const answer of answers) yield answer as Response;
    } catch (error) {
      if (!signal.aborted) throw failureOf(error, method);
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  #handlerOf({ name }: { name: string }): unknown {
    return this.#handlers[`${name[0]!.toLowerCase()}${name.slice(1)}`];
  }
}

function failureOf(error: unknown, { name }: { name: string }): Error {
  const { message } = error as Error;
  return toCallFailure(Object.assign(error as Error, { details: message }), name, 'NOT_SUPPORTED');
}
