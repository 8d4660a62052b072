import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  type ConsumerConfig,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  type Subscription,
} from 'nats';
import { toRevision } from '../revision.ts';
import type { Entry } from '../transport.ts';
import { detach } from '../waiting.ts';
import { inTime } from './in-time.ts';
import { keyOf, type KvLayout } from './kv-layout.ts';

export interface ConsumerOptions {
  layout: KvLayout;
  filters: readonly string[];
  /** The last of each key, or every version from a sequence on. */
  from: { policy: 'last' } | { policy: 'sequence'; sequence: number };
  headersOnly: boolean;
  onEntry(entry: Entry, pending: number): void;
  /** It will tell nothing more. */
  onLost(reason: string): void;
}

const HEARTBEAT_MS = 1_000;
/** So much silence means that the server or the consumer is gone. */
const SILENCE_MS = 3_500;

/**
 * One ordered consumer, until it is lost: it counts what the server delivers and ends at the first gap, so what has come
 * is all there was. Push, without acknowledgements; the server removes it soon after nobody listens.
 */
export class OrderedConsumer {
  /** Of the last that was delivered, in the stream and by this consumer. */
  streamSequence = 0;
  consumerSequence = 0;
  name = '';
  readonly #options: ConsumerOptions;
  readonly #nc: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #subscription: Subscription;
  #isCaughtUp = false;
  #onCaughtUp: (() => void)[] = [];
  #isLost = false;
  #heardAt = Date.now();
  #silence: NodeJS.Timeout;

  constructor(
    nc: NatsConnection,
    manager: JetStreamManager,
    inbox: string,
    options: ConsumerOptions,
  ) {
    this.#nc = nc;
    this.#manager = manager;
    this.#options = options;
    this.#subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else this.lose(error.message);
      },
    });
    this.#silence = setInterval(() => {
      if (Date.now() - this.#heardAt > SILENCE_MS) this.lose('no heartbeat');
    }, HEARTBEAT_MS / 2);
    this.#silence.unref();
  }

  static async open(
    nc: NatsConnection,
    manager: JetStreamManager,
    inbox: string,
    options: ConsumerOptions,
  ): Promise<OrderedConsumer> {
    const consumer = new OrderedConsumer(nc, manager, inbox, options);
    try {
      const { layout, filters, from, headersOnly } = options;
      const [filter] = filters;
      const config: Partial<ConsumerConfig> = {
        deliver_subject: inbox,
        ack_policy: AckPolicy.None,
        max_deliver: 1,
        mem_storage: true,
        num_replicas: 1,
        flow_control: true,
        idle_heartbeat: nanos(HEARTBEAT_MS),
        ...(filters.length === 1 ? { filter_subject: filter! } : { filter_subjects: [...filters] }),
        ...(headersOnly ? { headers_only: true } : {}),
        ...(from.policy === 'last'
          ? { deliver_policy: DeliverPolicy.LastPerSubject }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }),
      };
      const info = await inTime('opening a watch', manager.consumers.add(layout.stream, config));
      consumer.name = info.name;
      // What was delivered before this answer says by itself how much waits behind it.
      if (info.num_pending === 0 && info.delivered.consumer_seq === 0) consumer.#caughtUp();
      return consumer;
    } catch (error) {
      consumer.close();
      throw error;
    }
  }

  /** Resolves when the server had nothing more to deliver; also when the consumer is lost. */
  async caughtUp(): Promise<void> {
    if (this.#isCaughtUp || this.#isLost) return;
    await new Promise<void>((resolve) => this.#onCaughtUp.push(resolve));
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Whether nothing waits at the server, and everything delivered has come. Throws where it is gone. */
  async isIdle(): Promise<boolean> {
    const before = this.consumerSequence;
    const info = await inTime(
      'asking for a watch',
      this.#manager.consumers.info(this.#options.layout.stream, this.name),
    );
    return info.num_pending === 0 && info.delivered.consumer_seq === before;
  }

  lose(reason: string): void {
    if (this.#isLost) return;
    this.close();
    this.#options.onLost(reason);
  }

  close(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    clearInterval(this.#silence);
    this.#subscription.unsubscribe();
    this.#release();
    if (this.name === '' || this.#nc.isClosed()) return;
    // Where this does not arrive, the server removes it by itself.
    const { stream } = this.#options.layout;
    const removal = inTime('ending a watch', this.#manager.consumers.delete(stream, this.name));
    detach(removal, () => undefined);
  }

  #receive(message: Msg): void {
    if (this.#isLost) return;
    this.#heardAt = Date.now();
    if (message.headers?.code === 100) return this.#control(message);
    const facts = readReply(message.reply ?? '');
    if (facts === undefined) return;
    if (facts.consumerSequence !== this.consumerSequence + 1) return this.lose('a gap');
    this.consumerSequence = facts.consumerSequence;
    this.streamSequence = facts.streamSequence;
    const operation = message.headers?.get('KV-Operation');
    const isDelete = operation === 'DEL' || operation === 'PURGE';
    const expired = message.headers?.has('Nats-Marker-Reason') === true;
    const entry: Entry = {
      key: keyOf(this.#options.layout, message.subject),
      revision: toRevision(facts.streamSequence),
      kind: isDelete || expired ? 'delete' : 'put',
      stamp: facts.stamp,
      ...(isDelete || expired ? {} : { value: message.data }),
    };
    this.#options.onEntry(entry, facts.pending);
    if (facts.pending === 0) this.#caughtUp();
  }

  /** Heartbeats say how much has been delivered, so that what was lost last shows; flow control wants an answer. */
  #control(message: Msg): void {
    const { headers } = message;
    if (message.reply !== undefined && message.reply !== '') message.respond();
    const stalled = headers?.get('Nats-Consumer-Stalled') ?? '';
    if (stalled !== '') this.#nc.publish(stalled);
    const last = headers?.get('Nats-Last-Consumer') ?? '';
    if (last === '') return;
    if (Number(last) > this.consumerSequence) return this.lose('a gap at the end');
    // A server that is idle has nothing more, whatever it has counted; one that waits for flow control has.
    if (stalled === '' && this.name !== '') this.#caughtUp();
  }

  #caughtUp(): void {
    this.#isCaughtUp = true;
    this.#release();
  }

  #release(): void {
    for (const resolve of this.#onCaughtUp.splice(0)) resolve();
  }
}

/** `$JS.ACK.stream.consumer.deliveries.stream-sequence.consumer-sequence.nanoseconds.pending`, newer ones with more. */
function readReply(
  reply: string,
):
  { streamSequence: number; consumerSequence: number; stamp: number; pending: number } | undefined {
  const tokens = reply.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 5 : 7;
  const [streamSequence, consumerSequence, stamp, pending] = tokens.slice(at, at + 4).map(Number);
  return {
    streamSequence: streamSequence!,
    consumerSequence: consumerSequence!,
    stamp: stamp!,
    pending: pending!,
  };
}
