import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';

type DataListener = (chunk: Buffer) => void;

const tapped = new WeakSet<pg.Client>();

export function isTapped(client: pg.Client): boolean {
  return tapped.has(client);
}

/**
 * Takes the socket of an idle `pg` client over, so that bulk data passes without being parsed message by message.
 *
 * The client must have no query running and get none until `release()`; whoever taps has to read up to and with
 * the ReadyForQuery of what it sent, else the client is no longer usable and must be disconnected. Reading is
 * paused while nobody waits for a chunk, so that at most a few chunks are in memory.
 */
export class SocketTap {
  readonly #client: pg.Client;
  readonly #stream: Duplex;
  readonly #parsers: DataListener[];
  readonly #chunks: Buffer[] = [];
  #waiting: { resolve: (chunk: Buffer) => void; reject: (error: unknown) => void } | undefined;
  #failure: unknown;
  #failed = false;

  constructor(client: pg.Client) {
    this.#client = client;
    tapped.add(client);
    this.#stream = client.connection.stream;
    this.#parsers = this.#stream.listeners('data') as DataListener[];
    for (const parser of this.#parsers) this.#stream.off('data', parser);
    this.#stream.on('data', this.#onData);
    this.#stream.on('error', this.#onError);
    this.#stream.on('close', this.#onClose);
    if (this.#stream.destroyed) this.#onClose();
  }

  /** The next bytes from the server, owned by the caller; rejects once the connection is gone. */
  next(): Promise<Buffer> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    if (this.#failed)
      return Promise.reject(
        this.#failure instanceof Error
          ? this.#failure
          : new WeirError('UNREACHABLE', 'The connection was closed by the server.'),
      );
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#stream.isPaused()) this.#stream.resume();
    });
  }

  write(bytes: Buffer): void {
    if (!this.#failed) this.#stream.write(bytes);
  }

  /** Ends the connection and whatever waits for it. */
  destroy(reason: unknown): void {
    this.#fail(reason);
    this.#stream.destroy();
  }

  /** Gives the socket back to the client. */
  release(): void {
    tapped.delete(this.#client);
    this.#stream.off('data', this.#onData);
    this.#stream.off('error', this.#onError);
    this.#stream.off('close', this.#onClose);
    for (const parser of this.#parsers) this.#stream.on('data', parser);
    this.#stream.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve(chunk);
    } else {
      this.#chunks.push(chunk);
      this.#stream.pause();
    }
  };

  readonly #onError = (error: unknown): void => this.#fail(error);

  readonly #onClose = (): void => this.#fail(undefined);

  #fail(reason: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#failure = reason;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.next().then(waiting.resolve, waiting.reject);
  }
}
