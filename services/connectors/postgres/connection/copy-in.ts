import type { Connection } from 'pg';

/** Sends the bytes of one COPY FROM STDIN; told to stop, it stops between two pieces. */
export interface CopyIn {
  /** Raw CopyData messages; pieces may be cut anywhere, the whole of them is well-formed. */
  messages: AsyncIterable<Buffer> | Iterable<Buffer>;
  /** Each piece is whole messages, so that a copy that is stopped leaves the connection as good as before. */
  whole?: true;
}

const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const PIECE_BYTES = 256 * 1024;
/** "PGCOPY\n\377\r\n\0", no flags, no header extension (manual, "COPY", Binary Format). */
const SIGNATURE = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const TRAILER = Buffer.from([0xff, 0xff]);
/** Signature, flags, length of the header's extension. */
export const HEAD_BYTES = SIGNATURE.length;
export const TRAILER_BYTES = TRAILER.length;

/** What `pg` keeps to itself of its connection, as far as COPY needs it. */
export interface CopyConnection extends Connection {
  sendCopyFail(reason: string): void;
}

/**
 * Writes all messages and CopyDone to the socket, waiting while it is full. Returns false if it was stopped before
 * the end: unless its pieces are whole messages the server is then in the middle of one, and the connection is good for
 * nothing but closing.
 */
export async function sendCopy(
  connection: Connection,
  copy: CopyIn,
  stop: AbortSignal,
): Promise<boolean> {
  const socket = connection.stream;
  for await (const piece of copy.messages) {
    if (stop.aborted || !socket.writable) return false;
    if (!socket.write(piece)) await roomIn(socket, stop);
  }
  if (stop.aborted || !socket.writable) return false;
  socket.write(COPY_DONE);
  return true;
}

function roomIn(socket: Connection['stream'], stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted || socket.destroyed) return resolve();
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      stop.removeEventListener('abort', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    stop.addEventListener('abort', done);
  });
}

/** Rows of tuples (each with its column count) as binary COPY, many rows to a message. */
export function* toCopyMessages(rows: Iterable<Buffer>): Generator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 5 + SIGNATURE.copy(piece, 5);
  const finish = () => {
    piece[0] = 0x64;
    piece.writeInt32BE(at - 1, 1);
    return piece.subarray(0, at);
  };
  for (const row of rows) {
    if (at + row.length + TRAILER.length > piece.length) {
      yield finish();
      piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, row.length + 64));
      at = 5;
    }
    at += row.copy(piece, at);
  }
  at += TRAILER.copy(piece, at);
  yield finish();
}

/** The same of bytes that are such rows one after the other, cut anywhere. */
export async function* tuplesToCopyMessages(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield toMessageHead(SIGNATURE.length);
  yield SIGNATURE;
  for await (const part of parts) {
    if (part.length === 0) continue;
    yield toMessageHead(part.length);
    yield part;
  }
  yield toMessageHead(TRAILER.length);
  yield TRAILER;
}

function toMessageHead(bytes: number): Buffer {
  const head = Buffer.allocUnsafe(5);
  head[0] = 0x64;
  head.writeInt32BE(4 + bytes, 1);
  return head;
}
