import { type KV, type NatsConnection, NatsError } from 'nats';
import { isGone } from './holder.ts';
import { toHubError } from './hub.ts';
import { isNoRoom, noRoomSentence } from './no-room.ts';
import { leaseBucket } from './names.ts';

/**
 * Short-lived claims in a key-value bucket whose entries expire by themselves. A lease says who should work, never
 * who may write: a stalled holder wakes up believing in it. What keeps it from writing is the epoch at the target.
 */
export class Leases {
  readonly #kv: KV;
  readonly #holder: string;
  /** Revisions of the keys held, for the next renewal. */
  readonly #held = new Map<string, number>();
  #problem: string | null = null;

  private constructor(kv: KV, holder: string) {
    this.#kv = kv;
    this.#holder = holder;
  }

  static async open(
    nc: NatsConnection,
    pipeline: string,
    holder: string,
    ttlMs: number,
  ): Promise<Leases> {
    try {
      const js = nc.jetstream({ timeout: 5_000 });
      return new Leases(
        await js.views.kv(leaseBucket(pipeline), { ttl: ttlMs, history: 1 }),
        holder,
      );
    } catch (error) {
      throw toHubError(error);
    }
  }

  /** Set while the broker is too full for any lease: one sentence. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Takes the key if nobody holds it, and if there is room for it. */
  async acquire(key: string): Promise<boolean> {
    try {
      this.#held.set(key, await this.#kv.create(key, this.#holder));
      this.#problem = null;
      return true;
    } catch (error) {
      if (this.#isFull(error)) return false;
      if (isLost(error)) return false;
      throw toHubError(error);
    }
  }

  /**
   * False where somebody else took the key meanwhile. In a broker that is full nobody can, so the holder goes on.
   */
  async renew(key: string): Promise<boolean> {
    const revision = this.#held.get(key);
    if (revision === undefined) return false;
    try {
      this.#held.set(key, await this.#kv.update(key, this.#holder, revision));
      this.#problem = null;
      return true;
    } catch (error) {
      if (this.#isFull(error)) return true;
      if (!isLost(error)) throw toHubError(error);
      this.#held.delete(key);
      return false;
    }
  }

  async release(key: string): Promise<void> {
    const revision = this.#held.get(key);
    this.#held.delete(key);
    if (revision === undefined) return;
    try {
      await this.#kv.delete(key, { previousSeq: revision });
    } catch (error) {
      if (!isLost(error) && !isNoRoom(error)) throw toHubError(error);
    }
  }

  /** Announces this holder's presence; expires like a lease. */
  async announce(key: string): Promise<void> {
    try {
      await this.#kv.put(key, this.#holder);
      this.#problem = null;
    } catch (error) {
      if (this.#isFull(error)) return;
      throw toHubError(error);
    }
  }

  #isFull(error: unknown): boolean {
    if (!isNoRoom(error)) return false;
    this.#problem = noRoomSentence('leases', error.message);
    return true;
  }

  /** Withdraws an announcement at once. */
  async withdraw(key: string): Promise<void> {
    try {
      await this.#kv.delete(key);
    } catch (error) {
      throw toHubError(error);
    }
  }

  /** All live keys with their holders. Those whose holder is known to be gone are removed on the way. */
  async entries(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    try {
      // Collected first: the client loses the remaining keys when anything else is awaited in between.
      const keys: string[] = [];
      for await (const key of await this.#kv.keys()) keys.push(key);
      for (const key of keys) {
        const entry = await this.#kv.get(key);
        if (entry === null || entry.operation !== 'PUT') continue;
        if (isGone(entry.string(), this.#holder))
          await this.#kv.delete(key, { previousSeq: entry.revision });
        else found.set(key, entry.string());
      }
    } catch (error) {
      if (!isLost(error)) throw toHubError(error);
    }
    return found;
  }
}

/** 10071: another revision is stored; 10164: another write is on its way (newer clusters). */
function isLost(error: unknown): boolean {
  return error instanceof NatsError && [10071, 10164].includes(error.api_error?.err_code ?? 0);
}
