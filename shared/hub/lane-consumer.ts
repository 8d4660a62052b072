import { createInbox, type Msg, nanos, type NatsConnection, type Subscription } from 'nats';
import { WeirError } from '../errors/weir-error.ts';
import { IncompleteFrame, parsePart } from './frame-parts.ts';
import { onDisconnect } from './hub.ts';

/** One frame's bytes and how to acknowledge it once the target has committed it. */
export interface Delivery {
  bytes: Buffer;
  replies: string[];
}

/**
 * Receives the frames of one lane in the order of the stream. The consumer is this owner's alone (its name holds
 * the epoch); a few messages are fetched ahead, no more. Anything odd — the consumer deleted, the stream made anew,
 * the connection broken — ends it with an error, and the owner takes the lane anew from its progress.
 *
 * It asks for messages itself (a pull request, ADR-37 of NATS: `batch`, `expires`, `idle_heartbeat`), a few at a time
 * and the next only when there is room: the client's own `consume` asks again as messages arrive, so that a writer
 * behind a slow target would draw whole streams into its memory.
 *
 * Acknowledge only what the target has committed. Unacknowledged deliveries are kept alive while this runs.
 */
export class LaneConsumer {
  readonly #nc: NatsConnection;
  readonly #abort = new AbortController();
  readonly #stream: string;
  readonly #pullSubject: string;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  /** Messages that the open request may still bring. */
  #awaited = 0;
  #heardAtMs = Date.now();
  #incomplete: IncompleteFrame | null = null;
  #buffer: Delivery[] = [];
  #bufferedBytes = 0;
  #wake: (() => void) | undefined;
  #failure: WeirError | undefined;
  readonly #held = new Set<string>();
  readonly #keepAlive: NodeJS.Timeout;
  readonly #watch: NodeJS.Timeout;

  constructor(nc: NatsConnection, stream: string, consumer: string) {
    this.#nc = nc;
    this.#stream = stream;
    this.#pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#subscription = nc.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error !== null)
          this.#fail(new WeirError('ACCESS_DENIED', `NATS refused to deliver: ${error.message}`));
        else this.#onMessage(message);
      },
    });
    this.#keepAlive = setInterval(() => this.#extend(), 20_000).unref();
    this.#watch = setInterval(() => this.#checkSilence(), 1_000).unref();
    onDisconnect(nc, this.#abort.signal, () =>
      this.#fail(new WeirError('UNREACHABLE', 'the connection to NATS broke while consuming')),
    );
    this.#pull();
  }

  /** The next frame; null when `signal` is aborted first. */
  async next(signal: AbortSignal): Promise<Delivery | null> {
    for (;;) {
      const delivery = this.poll();
      if (delivery !== null) return delivery;
      if (signal.aborted) return null;
      await this.#waitForMore(signal);
    }
  }

  /** The next frame if it is here already. */
  poll(): Delivery | null {
    if (this.#failure !== undefined) throw this.#failure;
    const delivery = this.#buffer.shift();
    if (delivery === undefined) return null;
    this.#bufferedBytes -= delivery.bytes.length;
    this.#pull();
    return delivery;
  }

  acknowledge(replies: readonly string[]): void {
    for (const reply of replies) {
      this.#held.delete(reply);
      this.#nc.publish(reply, ACK);
    }
  }

  close(): void {
    this.#abort.abort();
    clearInterval(this.#keepAlive);
    clearInterval(this.#watch);
    this.#subscription.unsubscribe();
    this.#fail(new WeirError('FENCED', 'the consumer was closed'));
  }

  #waitForMore(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done);
    });
  }

  /** Asks for a few more, unless a request is open or there is enough here. */
  #pull(): void {
    if (this.#failure !== undefined || this.#awaited > 0) return;
    if (this.#bufferedBytes > BUFFER_BYTES) return;
    this.#awaited = BATCH;
    this.#heardAtMs = Date.now();
    const request = {
      batch: BATCH,
      expires: nanos(EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    this.#nc.publish(this.#pullSubject, JSON.stringify(request), { reply: this.#inbox });
  }

  #onMessage(message: Msg): void {
    this.#heardAtMs = Date.now();
    const code = message.headers?.code ?? 0;
    if (code === 0) {
      this.#awaited--;
      this.#assemble(message);
    } else if (code === EXPIRED || code === NONE) {
      this.#awaited = 0;
    } else if (code !== IDLE) {
      const reason = message.headers?.description ?? '';
      this.#fail(
        new WeirError('FENCED', `the consumer of ${this.#stream} is gone: ${code} ${reason}`),
      );
    }
    this.#pull();
  }

  #assemble(message: Msg): void {
    const { data } = message;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    const reply = message.reply ?? '';
    const part = parsePart(message.headers?.get('Weir-Part') ?? '', bytes.length);
    if (part === null) return this.#fail(brokenFrame(this.#stream));
    const pending = this.#incomplete;
    // Its beginning was acknowledged, so the frame is in the target; if it was lost instead, the next frame shows it.
    if (part.index !== 0 && pending === null) return this.acknowledge([reply]);
    // The frame that came before stops halfway: it comes again from its beginning, or has come.
    if (part.index === 0 && pending !== null) this.acknowledge(pending.replies);
    this.#held.add(reply);
    if (part.count === 1) return this.#deliver({ bytes, replies: [reply] });
    if (part.index === 0) this.#incomplete = new IncompleteFrame(part);
    const frame = this.#incomplete!;
    if (!frame.add(part, bytes, reply)) return this.#fail(brokenFrame(this.#stream));
    if (frame.isWhole) this.#deliver(frame);
  }

  #deliver(frame: Delivery): void {
    this.#incomplete = null;
    this.#buffer.push(frame);
    this.#bufferedBytes += frame.bytes.length;
    this.#wake?.();
  }

  /** While a request is open the server says at least that it is there. */
  #checkSilence(): void {
    if (this.#awaited > 0 && Date.now() - this.#heardAtMs > 3 * HEARTBEAT_MS)
      this.#fail(new WeirError('UNREACHABLE', `NATS delivers nothing of ${this.#stream} any more`));
  }

  #extend(): void {
    for (const reply of this.#held) this.#nc.publish(reply, IN_PROGRESS);
  }

  #fail(error: WeirError): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}

function brokenFrame(stream: string): WeirError {
  return new WeirError('BROKER_LOST_DATA', `the parts of a frame of ${stream} do not fit together`);
}

const BATCH = 4;
const BUFFER_BYTES = 1 << 20;
const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 2_000;
/** Status codes of a pull request: idle heartbeat, no messages, expired. Any other ends it. */
const IDLE = 100;
const NONE = 404;
const EXPIRED = 408;
const ACK = new TextEncoder().encode('+ACK');
const IN_PROGRESS = new TextEncoder().encode('+WPI');
