import type pg from 'pg';
import type { ConnectorLog } from '../../../../shared/connector/end-options.ts';
import { detach, ignoreFailure } from '../../../../shared/lifecycle/detach.ts';
import { connect, disconnect } from '../connection/connection.ts';
import { readOurWaits, readWaitsForUs, type Wait, type WaitForUs } from './lock-waits.ts';

/** Whatever takes longer is looked at, so often. */
const LOOK_MS = 1_500;

export interface LockWatchOptions {
  url: string;
  pipeline: string;
  log: ConnectorLog;
}

/**
 * Looks, over a connection of its own, whether connections of the pipeline wait for a lock or hold one that somebody
 * waits for, and says so in the log and in `sentence` where it lasts from one look to the next. Databases let their
 * clients wait without a word.
 */
export class LockWatch {
  readonly #options: LockWatchOptions;
  /** Since when there is something to look after. */
  readonly #running = new Set<{ sinceMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #client: pg.Client | null = null;
  /** Changes with every beginning: a look that was begun before it says nothing any more. */
  #life = 0;
  #seen = new Set<string>();
  #told = new Set<string>();
  #sentences: string[] = [];
  /** Told at each look who waits for a lock that this pipeline holds. */
  onWaitsForUs: ((waits: readonly WaitForUs[]) => void) | null = null;

  constructor(options: LockWatchOptions) {
    this.#options = options;
  }

  /** What is waited for now; null while nothing is, as far as this has looked. */
  get sentence(): string | null {
    return this.#sentences.length === 0 ? null : this.#sentences.join('; ');
  }

  /** Looks until what it returns is called. */
  begin(): () => void {
    const work = { sinceMs: performance.now() };
    if (this.#running.size === 0) this.#schedule(++this.#life);
    this.#running.add(work);
    return () => {
      if (this.#running.delete(work) && this.#running.size === 0) this.#end();
    };
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    const end = this.begin();
    try {
      return await work();
    } finally {
      end();
    }
  }

  #schedule(life: number): void {
    // A look says itself what it could not see.
    this.#timer = setTimeout(() => detach(this.#look(life), ignoreFailure), LOOK_MS).unref();
  }

  async #look(life: number): Promise<void> {
    const { url, pipeline, log } = this.#options;
    const [oldest] = this.#running;
    if (oldest === undefined || performance.now() - oldest.sinceMs < LOOK_MS)
      return this.#schedule(life);
    try {
      this.#client ??= await connect(url, { applicationName: `weir ${pipeline} watch` });
      const client = this.#client;
      const ours = await readOurWaits(client, pipeline);
      const others = await readWaitsForUs(client, pipeline);
      if (life !== this.#life) return;
      this.#tell([...ours, ...others]);
      this.onWaitsForUs?.(others);
    } catch (error) {
      // What cannot be looked at is not worse than it was; the work itself says what is wrong with the server.
      log.debug({ error: String(error) }, 'could not look for locks');
      await this.#disconnect();
    } finally {
      if (life === this.#life) this.#schedule(life);
      else if (this.#running.size === 0) await this.#disconnect();
    }
  }

  /** Each once in the log while it lasts, whatever its age is. */
  #tell(waits: readonly Wait[]): void {
    const lasting = waits.filter(({ id }) => this.#seen.has(id));
    for (const { id, sentence } of lasting)
      if (!this.#told.has(id)) this.#options.log.warn({}, sentence);
    this.#seen = new Set(waits.map(({ id }) => id));
    this.#told = new Set(lasting.map(({ id }) => id));
    this.#sentences = lasting.map(({ sentence }) => sentence);
  }

  #end(): void {
    this.#life++;
    clearTimeout(this.#timer);
    this.#sentences = [];
    this.#seen.clear();
    this.#told.clear();
    this.onWaitsForUs = null;
    // Nothing is asked of it any more, and it is closed in any case.
    detach(this.#disconnect(), ignoreFailure);
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await disconnect(client);
  }
}
