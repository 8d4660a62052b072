import { createInbox, headers, type Msg, type NatsConnection, type Subscription } from 'nats';
import { WeirError } from '../errors/weir-error.ts';
import { formatPart } from './frame-parts.ts';
import { onDisconnect } from './hub.ts';
import { storageFullSentence, storeFailedSentence } from './storage-full.ts';

/**
 * Publishes the frames of one lane, pipelined and without gaps: each message expects the sequence of the one before
 * it, so when one is refused all later ones are too and nothing overtakes. It is the only writer of its stream;
 * another writer, a rolled-back or a vanished stream shows as a broken chain and fails the publisher for good: the
 * reader then starts over from what the target holds. A full stream is no failure: the refused tail is sent again
 * until there is room.
 *
 * A frame larger than a message travels in parts (`Weir-Part: 2/5/4700000`, of so many bytes), consecutive by the same
 * chain. No more than the window is on its way at once: what other lanes send must not wait for a whole large frame.
 */
export class LanePublisher {
  readonly #options: LanePublisherOptions;
  readonly #abort = new AbortController();
  /** Sent or waiting to be sent, oldest first; leaves when its acknowledgement has come. */
  #queue: Outgoing[] = [];
  #unsent = 0;
  #sentBytes = 0;
  #queuedBytes = 0;
  #lastSequence: number;
  #attempt = 0;
  #inbox = '';
  #subscription: Subscription | undefined;
  #sentAtMs = 0;
  #full = false;
  #blocked: string | null = null;
  #retryMs = 0;
  #failure: WeirError | undefined;
  readonly sent: SentTotals = { frames: 0, bytes: 0, refused: 0 };
  #waiters: { resolve: () => void; reject: (error: unknown) => void; empty: boolean }[] = [];
  readonly #watch: NodeJS.Timeout;

  constructor(options: LanePublisherOptions) {
    this.#options = options;
    this.#lastSequence = options.lastSequence;
    this.#subscribe();
    this.#watch = setInterval(() => this.#checkOverdue(), 1_000).unref();
    onDisconnect(options.nc, this.#abort.signal, () =>
      this.#fail(new WeirError('UNREACHABLE', 'the connection to NATS broke while publishing')),
    );
  }

  /**
   * Takes over `frame`; `id` must be unique for this frame and reader epoch. Wait for `ready()` before the next.
   * After a failure, which `onFailure`, `ready` and `drained` tell, frames are dropped: senders may be timers, whose
   * errors nobody catches. `onStored` is called when the broker has all of it.
   */
  send(frame: Uint8Array, id: string, onStored?: () => void): void {
    if (this.#failure !== undefined) return;
    const { maxFrameBytes } = this.#options;
    if (frame.length > maxFrameBytes) return this.#fail(tooLarge(frame.length, maxFrameBytes));
    this.sent.frames++;
    this.sent.bytes += frame.length;
    const room = (this.#options.nc.info?.max_payload ?? 1 << 20) - HEADER_ROOM;
    const parts = Math.max(1, Math.ceil(frame.length / room));
    for (let part = 0; part < parts; part++) {
      const bytes = frame.subarray(part * room, (part + 1) * room);
      this.#queue.push({
        bytes,
        id: parts === 1 ? id : `${id}.${part}`,
        part:
          parts === 1 ? '' : formatPart({ index: part, count: parts, wholeBytes: frame.length }),
        onStored: part === parts - 1 ? onStored : undefined,
      });
      this.#queuedBytes += bytes.length;
    }
    this.#sendMore();
  }

  /** Undefined while there is room in the window; else resolves when there is again. */
  ready(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#queuedBytes < this.#options.windowBytes) return undefined;
    return this.#wait(false);
  }

  /** Resolves when everything sent so far is stored by the broker. */
  async drained(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#queue.length > 0) await this.#wait(true);
  }

  /** Why the broker takes no more, where that is not the lane's own limit, which is only a target that is behind. */
  get blocked(): string | null {
    return this.#blocked;
  }

  /** Of a row with its key; leaves room for what describes it. */
  get maxRowBytes(): number {
    return Math.floor((this.#options.maxFrameBytes / 31) * 30);
  }

  get inFlight(): number {
    return this.#queue.length;
  }

  close(): void {
    this.#abort.abort();
    clearInterval(this.#watch);
    this.#subscription?.unsubscribe();
    this.#fail(new WeirError('FENCED', 'the publisher was closed'), false);
  }

  #wait(empty: boolean): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject, empty }));
  }

  /** Answers of earlier attempts go to an inbox that nobody listens to any more. */
  #subscribe(): void {
    this.#subscription?.unsubscribe();
    this.#attempt++;
    this.#inbox = createInbox();
    const attempt = this.#attempt;
    this.#subscription = this.#options.nc.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (attempt !== this.#attempt) return;
        if (error !== null)
          this.#fail(new WeirError('ACCESS_DENIED', `NATS refused to answer: ${error.message}`));
        else this.#onAnswer(message);
      },
    });
  }

  #sendMore(): void {
    const { nc, subject, stream, windowBytes } = this.#options;
    while (!this.#full && this.#unsent < this.#queue.length && this.#sentBytes < windowBytes) {
      const next = this.#queue[this.#unsent]!;
      const h = headers();
      h.set('Nats-Msg-Id', next.id);
      h.set('Nats-Expected-Stream', stream);
      h.set('Nats-Expected-Last-Sequence', String(this.#lastSequence + this.#unsent));
      if (next.part !== '') h.set('Weir-Part', next.part);
      if (this.#unsent === 0) this.#sentAtMs = Date.now();
      nc.publish(subject, next.bytes, { headers: h, reply: this.#inbox });
      this.#unsent++;
      this.#sentBytes += next.bytes.length;
    }
  }

  /** One connection to one server answers in the order of sending, so an answer belongs to the oldest message. */
  #onAnswer(message: Msg): void {
    if (message.headers?.code === 503)
      return this.#fail(
        new WeirError('BROKER_LOST_DATA', `stream ${this.#options.stream} is gone from the broker`),
      );
    const answer = JSON.parse(message.string()) as PubAnswer;
    const code = answer.error?.err_code;
    if (answer.error !== undefined && FULL.includes(answer.error.err_code)) {
      this.#blocked = blockedBy(answer.error, this.#options.stream);
      this.#startOver();
    } else if (answer.error !== undefined) {
      this.#fail(
        code === WRONG_LAST_SEQUENCE
          ? new WeirError(
              'FENCED',
              `another reader writes to stream ${this.#options.stream}, or it was rolled back`,
            )
          : new WeirError('BROKER_UNFIT', `NATS refused a frame: ${answer.error.description}`),
      );
    } else if (answer.seq !== this.#lastSequence + 1 || answer.duplicate === true) {
      this.#fail(
        new WeirError(
          'BROKER_LOST_DATA',
          `stream ${this.#options.stream} was changed by someone else`,
        ),
      );
    } else {
      this.#acknowledge();
    }
  }

  #acknowledge(): void {
    this.#lastSequence++;
    const done = this.#queue.shift();
    this.#unsent--;
    this.#retryMs = 0;
    this.#blocked = null;
    this.#queuedBytes -= done?.bytes.length ?? 0;
    this.#sentBytes -= done?.bytes.length ?? 0;
    this.#sentAtMs = Date.now();
    done?.onStored?.();
    this.#sendMore();
    const room = this.#queuedBytes < this.#options.windowBytes;
    const empty = this.#queue.length === 0;
    if (!room) return;
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((w) => w.empty && !empty);
    for (const waiter of waiting) if (!waiter.empty || empty) waiter.resolve();
  }

  /** The stream is full: whatever follows in this attempt is refused by the chain; send the tail again later. */
  #startOver(): void {
    this.sent.refused++;
    this.#full = true;
    this.#retryMs = Math.min(2_000, Math.max(50, this.#retryMs * 2));
    this.#subscribe();
    this.#unsent = 0;
    this.#sentBytes = 0;
    setTimeout(() => {
      this.#full = false;
      if (this.#failure === undefined) this.#sendMore();
    }, this.#retryMs);
  }

  #checkOverdue(): void {
    if (this.#unsent > 0 && !this.#full && Date.now() - this.#sentAtMs > ANSWER_TIMEOUT_MS)
      this.#fail(new WeirError('UNREACHABLE', 'NATS does not acknowledge frames any more'));
  }

  #fail(error: WeirError, report = true): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(error);
    if (report && !this.#abort.signal.aborted) this.#options.onFailure(error);
  }
}

/**
 * Of a lane whose stream holds so many bytes; leaves room for what the broker adds to each part. A larger frame would
 * never come through whole: the stream would be full before its end. A row takes 15/16 of the lane at most.
 */
export function maxFrameBytes(laneBytes: number): number {
  return laneBytes - laneBytes / 32;
}

export interface LanePublisherOptions {
  nc: NatsConnection;
  stream: string;
  subject: string;
  /** Of the stream, as `prepareLaneStream` returned it. */
  lastSequence: number;
  /** As `maxFrameBytes` has it of the lane. */
  maxFrameBytes: number;
  /** How many bytes may be in flight, and wait to be sent before `ready` waits. */
  windowBytes: number;
  onFailure: (error: WeirError) => void;
}

/** What was handed to the broker, and how often it had no room. */
export interface SentTotals {
  frames: number;
  bytes: number;
  refused: number;
}

interface Outgoing {
  bytes: Uint8Array;
  id: string;
  part: string;
  onStored: (() => void) | undefined;
}

interface PubAnswer {
  seq?: number;
  duplicate?: boolean;
  error?: { err_code: number; description: string };
}

function tooLarge(bytes: number, most: number): WeirError {
  const inMiB = (n: number): string => `${Math.floor(n / 2 ** 20)} MiB`;
  return new WeirError(
    'ROW_TOO_LARGE',
    `a row of ${inMiB(bytes)} is larger than a lane can carry (${inMiB(most)}); raise WEIR_LANE_MIB of the source-reader, or leave its table out with source.namespaces`,
  );
}

/** The server words the reason; of the lane's own limits there is nothing to tell. */
function blockedBy(
  error: { err_code: number; description: string },
  stream: string,
): string | null {
  if (/maximum (bytes|messages)/i.test(error.description)) return null;
  if (error.err_code === TOO_MANY_REQUESTS) return null;
  // What the server has not refused for a limit of its own it could not write.
  const isFault =
    error.err_code === STORE_FAILED && !/resource|storage|limit/i.test(error.description);
  const sentence = isFault ? storeFailedSentence : storageFullSentence;
  return sentence(`stream ${stream}`, error.description);
}

const HEADER_ROOM = 16 * 1024;
const ANSWER_TIMEOUT_MS = 10_000;
const WRONG_LAST_SEQUENCE = 10071;
const STORE_FAILED = 10077;
/** Stream full, too many in its ingest queue, or no room at the server. */
const TOO_MANY_REQUESTS = 10167;
const FULL = [STORE_FAILED, TOO_MANY_REQUESTS, 10023, 10002];
