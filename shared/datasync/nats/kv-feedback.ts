import type { KV } from 'nats';
import type { FailureRecord, Feedback, FeedbackStore, Watermark } from '../feedback-store.ts';
import { toRevision } from '../revision.ts';
import { detach } from '../waiting.ts';
import { inTime } from './in-time.ts';
import { kvLayout, type KvLayout } from './kv-layout.ts';
import type { NatsLink } from './nats-link.ts';

/** Answers in a bucket beside the one that is watched: `<consumer>.mark`, and `<consumer>.failed.<key>`. */
export class KvFeedback implements FeedbackStore {
  readonly #link: NatsLink;
  readonly #layout: KvLayout;
  #opening: Promise<KV> | undefined;

  constructor(link: NatsLink, bucket: string) {
    this.#link = link;
    this.#layout = kvLayout(bucket);
  }

  async report(consumer: string, watermark: Watermark): Promise<void> {
    await this.#put(`${consumer}.mark`, { ...watermark, revision: String(watermark.revision) });
  }

  async fail(consumer: string, key: string, failure: FailureRecord | undefined): Promise<void> {
    const name = `${consumer}.failed.${key}`;
    if (failure !== undefined)
      return this.#put(name, { ...failure, revision: String(failure.revision) });
    const bucket = await this.#open();
    await this.#orAnew(inTime('taking back a failure', bucket.purge(name)));
  }

  async read(consumer: string, key: string): Promise<Feedback> {
    const [mark, failed] = await Promise.all([
      this.#get(`${consumer}.mark`),
      this.#get(`${consumer}.failed.${key}`),
    ]);
    return { watermark: toWatermark(mark), failure: toFailure(failed) };
  }

  onChange(consumer: string, callback: () => void): () => void {
    let stopped = false;
    let stop = (): void => undefined;
    const subscribing = this.#link.connection().then((nc) => {
      if (stopped) return;
      const subject = `$KV.${this.#layout.bucket}.${consumer}.>`;
      const subscription = nc.subscribe(subject, { callback: () => callback() });
      stop = () => subscription.unsubscribe();
    });
    // Whoever waits looks from time to time as well.
    detach(subscribing, () => undefined);
    return () => {
      stopped = true;
      stop();
    };
  }

  async #put(key: string, value: unknown): Promise<void> {
    const bucket = await this.#open();
    await this.#orAnew(inTime('storing an answer', bucket.put(key, JSON.stringify(value))));
  }

  async #get(key: string): Promise<unknown> {
    const bucket = await this.#open();
    const entry = await this.#orAnew(inTime('reading an answer', bucket.get(key)));
    if (entry === null || entry.operation !== 'PUT') return undefined;
    try {
      return entry.json<unknown>();
    } catch {
      return undefined;
    }
  }

  /** A bucket that was removed is made again by the next call. */
  async #orAnew<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #open(): Promise<KV> {
    const opening = (this.#opening ??= this.#make());
    opening.catch(() => (this.#opening = undefined));
    return opening;
  }

  async #make(): Promise<KV> {
    const js = await this.#link.jetstream();
    return inTime(
      'opening the bucket of answers',
      js.views.kv(this.#layout.bucket, { history: 1 }),
    );
  }
}

/** Anybody may write to a bucket: what is no answer counts as none. */
function toWatermark(value: unknown): Watermark | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { incarnation, revision, except, prefixes } = value as Record<string, unknown>;
  if (typeof incarnation !== 'string' || !isDigits(revision)) return undefined;
  if (!Array.isArray(except) || !Array.isArray(prefixes)) return undefined;
  return {
    incarnation,
    revision: toRevision(revision),
    except: except.map(String),
    prefixes: prefixes.map(String),
  };
}

function toFailure(value: unknown): FailureRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { revision, error, attempts } = value as Record<string, unknown>;
  if (!isDigits(revision) || typeof error !== 'string' || typeof attempts !== 'number')
    return undefined;
  return { revision: toRevision(revision), error, attempts };
}

function isDigits(value: unknown): value is string {
  return typeof value === 'string' && /^\d+$/.test(value);
}
