import { ConsumerEvents, type ConsumerMessages, type JsMsg, type NatsConnection } from 'nats';
import { WeirError } from '../errors/weir-error.ts';
import { onDisconnect, toHubError } from './hub.ts';

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
 * Acknowledge only what the target has committed. Unacknowledged deliveries are kept alive while this runs.
 */
export class LaneConsumer {
  readonly #nc: NatsConnection;
  readonly #abort = new AbortController();
  #messages: ConsumerMessages | undefined;
  #buffer: Delivery[] = [];
  #bufferedBytes = 0;
  #wake: (() => void) | undefined;
  #wakePump: (() => void) | undefined;
  #failure: WeirError | undefined;
  readonly #held = new Set<string>();
  readonly #keepAlive: NodeJS.Timeout;

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#keepAlive = setInterval(() => this.#extend(), 20_000).unref();
    onDisconnect(nc, this.#abort.signal, () =>
      this.#fail(new WeirError('UNREACHABLE', 'the connection to NATS broke while consuming')),
    );
  }

  static async open(nc: NatsConnection, stream: string, consumer: string): Promise<LaneConsumer> {
    const lane = new LaneConsumer(nc);
    try {
      const handle = await nc.jetstream({ timeout: 5_000 }).consumers.get(stream, consumer);
      lane.#messages = await handle.consume({
        max_messages: FETCH_AHEAD,
        expires: 5_000,
        idle_heartbeat: 1_000,
      });
    } catch (error) {
      lane.close();
      throw toHubError(error);
    }
    void lane.#watchEvents(lane.#messages, stream);
    void lane.#pump(lane.#messages);
    return lane;
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
    this.#wakePump?.();
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
    this.#messages?.stop();
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

  async #pump(messages: ConsumerMessages): Promise<void> {
    let parts: Delivery | null = null;
    try {
      for await (const message of messages) {
        parts = this.#assemble(parts, message);
        if (parts !== null) continue;
        while (this.#bufferedBytes > BUFFER_BYTES && this.#failure === undefined)
          await new Promise<void>((resolve) => (this.#wakePump = resolve));
      }
      this.#fail(new WeirError('UNREACHABLE', 'the delivery of frames ended'));
    } catch (error) {
      this.#fail(toHubError(error));
    }
  }

  /** Returns what is still incomplete; a complete frame goes to the buffer. */
  #assemble(pending: Delivery | null, message: JsMsg): Delivery | null {
    const part = message.headers?.get('Weir-Part') ?? '';
    const [index, count] = part === '' ? [0, 1] : part.split('/').map(Number);
    const bytes = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length);
    const reply = replyOf(message);
    // Its beginning was acknowledged, so the frame is in the target; if it was lost instead, the next frame shows it.
    if (index !== 0 && pending === null) {
      this.acknowledge([reply]);
      return null;
    }
    this.#held.add(reply);
    const frame: Delivery = index === 0 || pending === null ? { bytes, replies: [] } : pending;
    if (frame === pending) frame.bytes = Buffer.concat([frame.bytes, bytes]);
    frame.replies.push(reply);
    if (index !== count! - 1) return frame;
    this.#buffer.push(frame);
    this.#bufferedBytes += frame.bytes.length;
    this.#wake?.();
    return null;
  }

  async #watchEvents(messages: ConsumerMessages, stream: string): Promise<void> {
    for await (const event of await messages.status())
      if (
        event.type === ConsumerEvents.ConsumerDeleted ||
        event.type === ConsumerEvents.ConsumerNotFound ||
        event.type === ConsumerEvents.StreamNotFound
      )
        this.#fail(new WeirError('FENCED', `the consumer of ${stream} was removed: ${event.type}`));
  }

  #extend(): void {
    for (const reply of this.#held) this.#nc.publish(reply, IN_PROGRESS);
  }

  #fail(error: WeirError): void {
    this.#failure ??= error;
    this.#wake?.();
    this.#wakePump?.();
  }
}

const FETCH_AHEAD = 6;
const BUFFER_BYTES = 1 << 20;
const ACK = new TextEncoder().encode('+ACK');
const IN_PROGRESS = new TextEncoder().encode('+WPI');

/** The subject an acknowledgement goes to. Kept instead of the message, which would keep its payload alive. */
function replyOf(message: JsMsg): string {
  return (message as JsMsg & { reply: string }).reply;
}
