import type pg from 'pg';
import { abortReason, orAborted } from '../../connection/abort-reason.ts';
import { SocketTap } from '../../connection/socket-tap.ts';
import {
  MESSAGE,
  MESSAGE_HEADER_BYTES,
  parseErrorResponse,
  parseRowCount,
  queryMessage,
} from '../../connection/wire-message.ts';
import type { ChunkReceiver } from '../../../../../shared/connector/source.ts';

/**
 * Runs `COPY … TO STDOUT` and hands the CopyData messages on as they lie on the wire, headers included, in runs as
 * long as the socket gave them; a run may end anywhere inside a message. No row is looked at: the walk goes from
 * header to header.
 *
 * After an error or an abort the client's socket is gone.
 */
export async function copyOut(
  client: pg.Client,
  sql: string,
  receive: ChunkReceiver,
  signal: AbortSignal,
): Promise<{ rows: number }> {
  signal.throwIfAborted();
  const tap = new SocketTap(client);
  const onAbort = (): void => tap.destroy(abortReason(signal));
  signal.addEventListener('abort', onAbort);
  try {
    tap.write(queryMessage(sql));
    const walk = new CopyWalk();
    while (!walk.done) {
      const chunk = await tap.next();
      let at = 0;
      while (at < chunk.length) {
        const from = at;
        at = walk.copyDataEnd(chunk, at);
        if (at > from) {
          const wait = receive(chunk.subarray(from, at));
          if (wait !== undefined) await orAborted(wait, signal);
        }
        if (at < chunk.length) at = walk.readOther(chunk, at);
      }
    }
    tap.release();
    if (walk.error !== undefined) throw walk.error;
    return { rows: walk.rows };
  } catch (error) {
    // Bytes of the copy may still be under way: only a closed socket is a safe end.
    tap.destroy(error);
    throw signal.aborted ? abortReason(signal) : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Where in the flow of messages the walk stands; survives cuts at any byte. */
export class CopyWalk {
  done = false;
  rows = 0;
  error: Error | undefined;
  /** Bytes of the current CopyData message's body still to come. */
  #bodyLeft = 0;
  /** Header of the current CopyData message, as far as it has come; 0 between messages. */
  #headerSeen = 0;
  #length = 0;
  /** A message that is not CopyData, as far as it has come. */
  #other: Buffer | undefined;

  /** The end of the run of CopyData bytes that starts at `at` (`at` itself if something else is there). */
  copyDataEnd(chunk: Buffer, at: number): number {
    if (this.#other !== undefined) return at;
    for (;;) {
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= step;
        at += step;
      }
      if (at >= chunk.length) return at;
      if (this.#headerSeen === 0) {
        if (chunk[at] !== MESSAGE.copyData) return at;
        if (at + MESSAGE_HEADER_BYTES <= chunk.length) {
          this.#bodyLeft = chunk.readInt32BE(at + 1) - 4;
          at += MESSAGE_HEADER_BYTES;
          continue;
        }
        this.#headerSeen = 1;
        this.#length = 0;
        at++;
      }
      while (this.#headerSeen < MESSAGE_HEADER_BYTES && at < chunk.length) {
        this.#length = ((this.#length << 8) | chunk[at]!) >>> 0;
        this.#headerSeen++;
        at++;
      }
      if (this.#headerSeen < MESSAGE_HEADER_BYTES) return at;
      this.#headerSeen = 0;
      this.#bodyLeft = this.#length - 4;
    }
  }

  /** Takes one message other than CopyData, or what is there of it; returns where the next one starts. */
  readOther(chunk: Buffer, at: number): number {
    const seen = this.#other?.length ?? 0;
    const bytes = this.#other
      ? Buffer.concat([this.#other, chunk.subarray(at)])
      : chunk.subarray(at);
    if (bytes.length < MESSAGE_HEADER_BYTES) {
      this.#other = Buffer.from(bytes);
      return chunk.length;
    }
    const end = 1 + bytes.readInt32BE(1);
    if (bytes.length < end) {
      this.#other = Buffer.from(bytes);
      return chunk.length;
    }
    this.#other = undefined;
    const body = bytes.subarray(MESSAGE_HEADER_BYTES, end);
    if (bytes[0] === MESSAGE.commandComplete) this.rows = parseRowCount(body);
    else if (bytes[0] === MESSAGE.error) this.error = parseErrorResponse(body);
    else if (bytes[0] === MESSAGE.readyForQuery) this.done = true;
    return at + end - seen;
  }
}
