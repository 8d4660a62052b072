import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { isAbort } from '../../shared/errors/weir-error.ts';
import { detach } from '../../shared/lifecycle/detach.ts';
import { toCallError } from './call-error.ts';

/** Where the answers of a call go that has many. */
export interface AnswerStream<Response> {
  /** False where the peer takes no more for now. */
  write(response: Response): boolean;
  /** Resolves when it takes more, or never will. */
  drained(): Promise<void>;
}

/** Answers a call until `work` has no more, fails, or the peer is gone; a peer that is cut off by a stop is told so. */
export function answer<Request, Response>(
  call: ServerWritableStream<Request, Response>,
  stopping: AbortSignal,
  work: (stream: AnswerStream<Response>, signal: AbortSignal) => Promise<void>,
): void {
  const given = new AbortController();
  call.on('cancelled', () => given.abort());
  const signal = AbortSignal.any([given.signal, stopping]);
  const stream = {
    write: (response: Response) => signal.aborted || call.write(response),
    drained: () => (call.writableNeedDrain ? drainOf(call, signal) : Promise.resolve()),
  };
  const done = work(stream, signal).then(() => {
    if (stopping.aborted) throw new DOMException('stopping', 'AbortError');
    call.end();
  });
  detach(done, (error) => call.emit('error', toCallError(error)));
}

async function drainOf(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  try {
    await once(call, 'drain', { signal });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}
