import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';

/** What travels on the bus beside frames, which lanes check by themselves. */
export const MESSAGE_KINDS = ['status', 'notice', 'request', 'answer', 'lease'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** The log of one kind at most so often: whoever sends such messages may send many. */
const TOLD_MS = 60_000;

/**
 * Messages of the bus that are not what Weir sends: of another version, or of somebody else. They change nothing and end
 * nothing; they are counted, and the log says so once in a while.
 */
export class RefusedMessages {
  readonly #told = new Map<MessageKind, { atMs: number; since: number }>();
  #log: Logger | null = null;
  #count: (kind: MessageKind) => void = () => undefined;

  /** Of a process that has a log, and counts where others can see it. */
  tell(log: Logger, count: (kind: MessageKind) => void): void {
    this.#log = log;
    this.#count = count;
  }

  /** `reason` holds no value of the message. */
  refuse(kind: MessageKind, subject: string, reason: string): void {
    this.#count(kind);
    const told = this.#told.get(kind) ?? { atMs: -Infinity, since: 0 };
    told.since++;
    this.#told.set(kind, told);
    const nowMs = performance.now();
    if (this.#log === null || nowMs - told.atMs < TOLD_MS) return;
    this.#log.warn(
      { kind, subject: subject.slice(0, 200), reason, messages: told.since },
      'messages on the bus are not what Weir sends and were passed over; run one version everywhere, and let nobody else publish below weir.',
    );
    this.#told.set(kind, { atMs: nowMs, since: 0 });
  }
}

const ofConnections = new WeakMap<NatsConnection, RefusedMessages>();

/** Those that came by a connection; the connections of one hub have one in common. */
export function refusedOf(nc: NatsConnection): RefusedMessages {
  let refused = ofConnections.get(nc);
  if (refused === undefined) ofConnections.set(nc, (refused = new RefusedMessages()));
  return refused;
}

export function shareRefused(connections: readonly NatsConnection[], refused: RefusedMessages) {
  for (const nc of connections) ofConnections.set(nc, refused);
}
