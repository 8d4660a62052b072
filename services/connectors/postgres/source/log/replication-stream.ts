import type pg from 'pg';
import type { ChangeReceiver } from '../../../../../shared/connector/source.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { abortReason, orAborted } from '../../connection/abort-reason.ts';
import type { PgOutputDecoder } from './pgoutput.ts';
import type { ReleasedPosition } from './released-position.ts';
import { SocketTap } from '../../connection/socket-tap.ts';
import {
  MESSAGE,
  MESSAGE_HEADER_BYTES,
  parseErrorResponse,
  queryMessage,
} from '../../connection/wire-message.ts';

const STATUS_CHECK_MS = 1_000;
const STATUS_MAX_AGE_MS = 10_000;
const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Type byte, LSN of the record, LSN of the log's end, time: then the decoder's message. */
const XLOG_DATA_HEADER = 25;

/** `START_REPLICATION` on a connection made for it, until the signal or a failure; the connection ends with it. */
export async function streamReplication(options: {
  client: pg.Client;
  /** The statement. */
  start: string;
  decoder: PgOutputDecoder;
  receiver: ChangeReceiver;
  released: ReleasedPosition;
  signal: AbortSignal;
}): Promise<void> {
  const { client, decoder, receiver, released, signal } = options;
  signal.throwIfAborted();
  const tap = new SocketTap(client);
  const onAbort = (): void => tap.destroy(abortReason(signal));
  signal.addEventListener('abort', onAbort);
  const status = new StandbyStatus(tap, released);
  try {
    tap.write(queryMessage(options.start));
    await readMessages(
      tap,
      (source, at, end) => handleMessage(source, at, end, decoder, status),
      receiver,
      signal,
    );
  } catch (error) {
    throw signal.aborted ? abortReason(signal) : error;
  } finally {
    status.stop();
    tap.destroy(undefined);
    signal.removeEventListener('abort', onAbort);
  }
}

type Handler = (source: Buffer, at: number, end: number) => Promise<void> | undefined;

/** Cuts the flow of bytes into messages and gives each to `handle`; makes room for the receiver between chunks. */
async function readMessages(
  tap: SocketTap,
  handle: Handler,
  receiver: ChangeReceiver,
  signal: AbortSignal,
): Promise<never> {
  /** Bytes of a message that is not complete, and how many bytes it needs. */
  let partial: Buffer[] = [];
  let partialBytes = 0;
  let neededBytes = MESSAGE_HEADER_BYTES;
  for (;;) {
    let chunk = await tap.next();
    if (partialBytes > 0) {
      partial.push(chunk);
      partialBytes += chunk.length;
      if (partialBytes < neededBytes) continue;
      chunk = Buffer.concat(partial, partialBytes);
    }
    let at = 0;
    neededBytes = MESSAGE_HEADER_BYTES;
    while (chunk.length - at >= MESSAGE_HEADER_BYTES) {
      const end = at + 1 + chunk.readInt32BE(at + 1);
      if (end > chunk.length) {
        neededBytes = end - at;
        break;
      }
      const wait = handle(chunk, at, end);
      if (wait !== undefined) await wait;
      at = end;
    }
    partial = at < chunk.length ? [chunk.subarray(at)] : [];
    partialBytes = chunk.length - at;
    const room = receiver.ready();
    if (room !== undefined) await orAborted(room, signal);
  }
}

function handleMessage(
  source: Buffer,
  at: number,
  end: number,
  decoder: PgOutputDecoder,
  status: StandbyStatus,
): Promise<void> | undefined {
  const body = at + MESSAGE_HEADER_BYTES;
  switch (source[at]) {
    case MESSAGE.copyData:
      if (source[body] === XLOG_DATA)
        return decoder.handle(
          source,
          body + XLOG_DATA_HEADER,
          end,
          source.readUInt32BE(body + 1),
          source.readUInt32BE(body + 5),
        );
      if (source[body] === KEEPALIVE) {
        decoder.watermark(source, body + 1, body + 9);
        if (source[body + 17] === 1) status.send();
      }
      return undefined;
    case MESSAGE.error:
      throw parseErrorResponse(source.subarray(body, end));
    case MESSAGE.copyDone:
    case MESSAGE.commandComplete:
      throw new WeirError(
        'UNREACHABLE',
        'The source ended the stream of changes; it is shutting down.',
      );
    default:
      // CopyBothResponse, notices and parameters say nothing that is needed.
      return undefined;
  }
}

/** Tells the server how far it may forget, at least every ten seconds: written, flushed and applied alike. */
class StandbyStatus {
  readonly #tap: SocketTap;
  readonly #released: ReleasedPosition;
  readonly #timer: NodeJS.Timeout;
  #sentAtMs = 0;
  #sentVersion = -1;

  constructor(tap: SocketTap, released: ReleasedPosition) {
    this.#tap = tap;
    this.#released = released;
    this.#timer = setInterval(() => this.#check(), STATUS_CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  send(): void {
    const lsn = this.#released.lsn;
    const message = Buffer.alloc(MESSAGE_HEADER_BYTES + 34);
    message[0] = MESSAGE.copyData;
    message.writeInt32BE(4 + 34, 1);
    message[5] = 0x72;
    for (const at of [6, 14, 22]) lsn.copy(message, at);
    const micros = BigInt(Date.now() - 946_684_800_000) * 1000n;
    message.writeBigInt64BE(micros, 30);
    this.#tap.write(message);
    this.#sentAtMs = Date.now();
    this.#sentVersion = this.#released.version;
  }

  #check(): void {
    const isOld = Date.now() - this.#sentAtMs >= STATUS_MAX_AGE_MS;
    if (isOld || this.#sentVersion !== this.#released.version) this.send();
  }
}
