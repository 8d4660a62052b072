import { type JetStreamManager, type KV, type NatsConnection, NatsError } from 'nats';
import { isGone, isWorkerId } from './worker-id.ts';
import { toHubError } from './hub.ts';
import { inTime } from './in-time.ts';
import { isStorageFull, storageFullSentence } from './storage-full.ts';
import { leaseBucket } from './names.ts';
import { type RefusedMessages, refusedOf } from './refused-messages.ts';

/**
 * What became of a renewal. `regained`: it had expired, and nobody had taken it. `late`: the broker does not answer,
 * so it may have expired. `lost`: somebody else has it.
 */
export type Renewal = 'held' | 'regained' | 'late' | 'lost';

interface Bucket {
  name: string;
  kv: KV;
  jsm: JetStreamManager;
}

/**
 * Short-lived claims in a key-value bucket whose entries expire by themselves. A lease says who should work, never
 * who may write: a stalled holder wakes up believing in it. What keeps it from writing is the epoch at the target.
 */
export class Leases {
  readonly #open: () => Promise<Bucket>;
  readonly #holder: string;
  readonly #refused: RefusedMessages;
  #bucket: Bucket;
  /** Revisions of the keys held, for the next renewal. */
  readonly #held = new Map<string, number>();
  #problem: string | null = null;

  private constructor(
    open: () => Promise<Bucket>,
    bucket: Bucket,
    holder: string,
    refused: RefusedMessages,
  ) {
    this.#refused = refused;
    this.#open = open;
    this.#bucket = bucket;
    this.#holder = holder;
  }

  static async open(
    nc: NatsConnection,
    pipeline: string,
    holder: string,
    ttlMs: number,
  ): Promise<Leases> {
    const open = (): Promise<Bucket> => openBucket(nc, leaseBucket(pipeline), ttlMs);
    try {
      return new Leases(open, await open(), holder, refusedOf(nc));
    } catch (error) {
      throw toHubError(error);
    }
  }

  /** Set while the broker is too full for any lease, or does not answer: one sentence. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Takes the key if nobody else holds it, and if there is room for it. */
  async acquire(key: string): Promise<boolean> {
    try {
      this.#held.set(key, await this.#create(key));
      this.#problem = null;
      return true;
    } catch (error) {
      if (isLost(error) || this.#isFull(error)) return false;
      throw toHubError(error);
    }
  }

  /** In a broker that is full nobody can take a lease, so its holder goes on. */
  async renew(key: string): Promise<Renewal> {
    const revision = this.#held.get(key);
    if (revision === undefined) return 'lost';
    try {
      const update = this.#inTime('renewing a lease', ({ kv }) =>
        kv.update(key, this.#holder, revision),
      );
      this.#held.set(key, await update);
      this.#problem = null;
      return 'held';
    } catch (error) {
      if (this.#isFull(error)) return 'held';
      if (isLost(error)) return this.#regain(key);
      return this.#isLate(error);
    }
  }

  async release(key: string): Promise<void> {
    const revision = this.#held.get(key);
    this.#held.delete(key);
    if (revision === undefined) return;
    try {
      await this.#inTime('giving a lease back', ({ kv }) =>
        kv.delete(key, { previousSeq: revision }),
      );
    } catch (error) {
      if (!isLost(error) && !isStorageFull(error)) throw toHubError(error);
    }
  }

  /** Announces this holder's presence; expires like a lease. */
  async announce(key: string): Promise<void> {
    try {
      await this.#inTime('announcing a service', ({ kv }) => kv.put(key, this.#holder));
      this.#problem = null;
    } catch (error) {
      if (!this.#isFull(error)) this.#isLate(error);
    }
  }

  /** Withdraws an announcement at once. */
  async withdraw(key: string): Promise<void> {
    try {
      await this.#inTime('withdrawing a service', ({ kv }) => kv.delete(key));
    } catch (error) {
      throw toHubError(error);
    }
  }

  /** All live keys with their holders. Those whose holder is known to be gone are removed on the way. */
  async entries(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    try {
      const keys = await this.#keys();
      await Promise.all(
        keys.map(async (key) => {
          const entry = await this.#inTime('reading a lease', ({ kv }) => kv.get(key));
          if (entry === null || entry.operation !== 'PUT') return;
          const holder = entry.string();
          if (!isWorkerId(holder)) this.#refused.refuse('lease', key, 'it names no process');
          else if (isGone(holder, this.#holder)) await this.#remove(key, entry.revision);
          else found.set(key, holder);
        }),
      );
    } catch (error) {
      throw toHubError(error);
    }
    return found;
  }

  /**
   * The server counts what it has of each subject. The client's own way to list keys is a consumer, which says that it is
   * through with the last entry: where that expires before it is delivered, one waits for ever.
   */
  async #keys(): Promise<string[]> {
    const { state } = await this.#inTime('listing leases', ({ name, jsm }) =>
      jsm.streams.info(`KV_${name}`, { subjects_filter: `$KV.${name}.>` }),
    );
    return Object.keys(state.subjects ?? {}).map((subject) =>
      subject.split('.').slice(2).join('.'),
    );
  }

  async #remove(key: string, revision: number): Promise<void> {
    try {
      await this.#inTime('removing a lease', ({ kv }) => kv.delete(key, { previousSeq: revision }));
    } catch (error) {
      if (!isLost(error)) throw error;
    }
  }

  async #regain(key: string): Promise<Renewal> {
    try {
      this.#held.set(key, await this.#create(key));
      return 'regained';
    } catch (error) {
      if (!isLost(error)) return this.#isFull(error) ? 'held' : this.#isLate(error);
      this.#held.delete(key);
      return 'lost';
    }
  }

  /** An own entry, of which this process does not know that the broker had stored it, is taken over. */
  async #create(key: string): Promise<number> {
    try {
      return await this.#inTime('taking a lease', ({ kv }) => kv.create(key, this.#holder));
    } catch (error) {
      if (!isLost(error)) throw error;
      const entry = await this.#inTime('reading a lease', ({ kv }) => kv.get(key));
      if (entry?.operation !== 'PUT' || entry.string() !== this.#holder) throw error;
      const { revision } = entry;
      return this.#inTime('taking a lease', ({ kv }) => kv.update(key, this.#holder, revision));
    }
  }

  /** In a bucket that is made anew where it is gone: a broker may be wiped at any time. */
  async #inTime<T>(doing: string, work: (bucket: Bucket) => Promise<T>): Promise<T> {
    try {
      return await inTime(doing, work(this.#bucket));
    } catch (error) {
      if (!isBucketGone(error)) throw error;
      this.#bucket = await this.#open();
      return inTime(doing, work(this.#bucket));
    }
  }

  #isFull(error: unknown): boolean {
    if (!isStorageFull(error)) return false;
    this.#problem = storageFullSentence('leases', error.message);
    return true;
  }

  /** Throws what waiting cannot heal. */
  #isLate(thrown: unknown): Renewal {
    const error = toHubError(thrown);
    if (!error.retryable) throw error;
    this.#problem = `leases are late: ${error.message}`;
    return 'late';
  }
}

async function openBucket(nc: NatsConnection, name: string, ttlMs: number): Promise<Bucket> {
  const js = nc.jetstream({ timeout: 5_000 });
  const options = { ttl: ttlMs, history: 1 };
  const kv = await inTime('opening the leases', js.views.kv(name, options));
  const jsm = await inTime('opening the leases', nc.jetstreamManager({ timeout: 5_000 }));
  return { name, kv, jsm };
}

/** 10071: another revision is stored; 10164: another write is on its way (newer clusters). */
function isLost(error: unknown): boolean {
  return error instanceof NatsError && [10071, 10164].includes(error.api_error?.err_code ?? 0);
}

/** Nobody takes what is written to it, or the server does not know its stream. */
function isBucketGone(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  return error.api_error === undefined ? error.code === '503' : error.api_error.err_code === 10059;
}
