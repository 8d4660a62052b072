import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** What a file holds, unpacked, to be read piece by piece. */
export interface FileContent {
  /** Bytes from there on; fewer than `length` at the end only. A view that is valid until the next call. */
  read(from: number, length: number): Promise<Buffer>;
  close(): void;
}

export function openContent(file: string, gzip: boolean): FileContent {
  return gzip ? new UnpackedContent(file) : plainContent(file);
}

function plainContent(file: string): FileContent {
  return {
    async read(from, length) {
      const handle = await open(file, 'r');
      try {
        const bytes = Buffer.allocUnsafe(length);
        let read = 0;
        while (read < length) {
          const { bytesRead } = await handle.read(bytes, read, length - read, from + read);
          if (bytesRead === 0) break;
          read += bytesRead;
        }
        return bytes.subarray(0, read);
      } finally {
        await handle.close();
      }
    },
    close: () => undefined,
  };
}

/**
 * Nobody can begin to unpack in the middle, so unpacking stands still between two reads and goes on with the next. What
 * was read last is kept and can be read again; whoever goes further back begins anew.
 */
class UnpackedContent implements FileContent {
  readonly #file: string;
  #stream: NodeJS.ReadableStream | null = null;
  #pieces: AsyncIterator<Buffer> | null = null;
  #kept: Buffer = Buffer.alloc(0);
  #keptFrom = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  read(from: number, length: number): Promise<Buffer> {
    const turn = this.#turn.then(() => this.#read(from, length));
    this.#turn = turn.catch(() => this.close());
    return turn;
  }

  close(): void {
    (this.#stream as { destroy?(): void } | null)?.destroy?.();
    this.#stream = null;
    this.#pieces = null;
    this.#kept = Buffer.alloc(0);
    this.#keptFrom = 0;
  }

  async #read(from: number, length: number): Promise<Buffer> {
    if (from < this.#keptFrom) this.close();
    const pieces = (this.#pieces ??= this.#begin());
    const some = [this.#kept];
    let end = this.#keptFrom + this.#kept.length;
    this.#drop(some, from);
    while (end < from + length) {
      const next = await pieces.next();
      if (next.done === true) break;
      some.push(next.value);
      end += next.value.length;
      this.#drop(some, from);
    }
    this.#kept = Buffer.concat(some);
    return this.#kept.subarray(0, length);
  }

  /** What is before `from`, nobody wants any more. */
  #drop(some: Buffer[], from: number): void {
    while (some.length > 0 && this.#keptFrom < from) {
      const less = Math.min(from - this.#keptFrom, some[0]!.length);
      this.#keptFrom += less;
      if (less === some[0]!.length) some.shift();
      else some[0] = some[0]!.subarray(less);
    }
  }

  #begin(): AsyncIterator<Buffer> {
    // Whoever reads what comes out hears of what goes wrong.
    const stream = pipeline(createReadStream(this.#file), createGunzip(), () => undefined);
    this.#stream = stream;
    return (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }
}
