import {
  createDatasync,
  type Change,
  type Datasync,
  type Previous,
  type ResyncCause,
  type Transport,
  type Watch,
  type WatchOptions,
} from '../../../shared/datasync/index.ts';
import { waitFor } from '../wait-for.ts';

export type Told =
  | { kind: 'resync'; cause: ResyncCause; revision: bigint; items: string[]; removed: string[] }
  | { kind: 'put'; key: string; value: unknown; previous: unknown; revision: bigint }
  | { kind: 'delete'; key: string; previous: unknown; revision: bigint };

/** A watcher that keeps a copy, as applications do, and notes what it was told. */
export class RecordedWatch {
  readonly told: Told[] = [];
  /** What this application has. */
  readonly copy = new Map<string, unknown>();
  /** What contradicts the contract. */
  readonly faults: string[] = [];
  /** Called before an event is taken; may wait, and may throw. */
  before: (event: Told, signal: AbortSignal) => Promise<void> | void = () => undefined;
  watch!: Watch;
  readonly #revisions = new Map<string, bigint>();
  #restarted = false;
  readonly #maybeAnswered = new Map<string, Set<string | undefined>>();

  static async start(
    sync: Datasync,
    options: Partial<WatchOptions<unknown>> & { name: string },
    before?: RecordedWatch['before'],
  ): Promise<RecordedWatch> {
    const recorded = new RecordedWatch();
    if (before !== undefined) recorded.before = before;
    await recorded.restart(sync, options);
    recorded.#restarted = false;
    return recorded;
  }

  /** The same application, with what it has, as a new watch. */
  async restart(
    sync: Datasync,
    options: Partial<WatchOptions<unknown>> & { name: string },
  ): Promise<void> {
    // An answer that was cut off comes again.
    this.#revisions.clear();
    this.#restarted = true;
    this.watch = await sync.watch<unknown>({
      prefixes: [''],
      ...options,
      resync: async (event) => {
        const items = [];
        for await (const item of event.items) items.push(item);
        const removed = [];
        for await (const gone of event.removed) removed.push(gone);
        const { cause, revision } = event;
        const told: Told = {
          kind: 'resync',
          cause,
          revision,
          items: items.map(({ key }) => key).sort(),
          removed: removed.map(({ key }) => key).sort(),
        };
        await this.before(told, event.signal);
        event.signal.throwIfAborted();
        this.told.push(told);
        this.#revisions.clear();
        for (const { key, value, previous, revision: at } of items) {
          this.#comparePrevious(key, previous, true);
          this.#apply(key, value);
          this.#revisions.set(key, at);
        }
        for (const { key, previous } of removed) {
          this.#comparePrevious(key, previous, true);
          this.#apply(key, undefined);
        }
      },
      change: async ({ changes, signal }) => {
        for (const change of changes) await this.#take(change, signal);
      },
    });
  }

  async #take(change: Change<unknown>, signal: AbortSignal): Promise<void> {
    const { key, revision } = change;
    const previous = plain(change.previous);
    const told: Told =
      change.kind === 'put'
        ? { kind: 'put', key, value: change.value, previous, revision }
        : { kind: 'delete', key, previous, revision };
    await this.before(told, signal);
    signal.throwIfAborted();
    this.told.push(told);
    if (!this.told.some(({ kind }) => kind === 'resync') && this.copy.size === 0)
      this.faults.push(`${key} was told before a RESYNC`);
    const last = this.#revisions.get(key);
    if (last !== undefined && last >= revision)
      this.faults.push(`${key} went from revision ${last} to ${revision}`);
    this.#revisions.set(key, revision);
    this.#comparePrevious(key, change.previous, this.#restarted);
    // What came before this change was answered, or it would not have come.
    if (!this.#restarted) this.#maybeAnswered.delete(key);
    this.#apply(key, change.kind === 'put' ? change.value : undefined);
  }

  /** A RESYNC may have cut an answer off: then what the key had before, or before that, is what was answered. */
  #comparePrevious(key: string, previous: Previous<unknown>, isResync: boolean): void {
    if (previous.is === 'unknown') return;
    const had = JSON.stringify(this.copy.get(key));
    const said = previous.is === 'value' ? JSON.stringify(previous.value) : undefined;
    if (had === said || (isResync && this.#maybeAnswered.get(key)?.has(said) === true)) return;
    this.faults.push(`${key} had ${had}, previous is ${said}`);
  }

  #apply(key: string, value: unknown): void {
    const before = this.#maybeAnswered.get(key) ?? new Set();
    this.#maybeAnswered.set(key, before.add(JSON.stringify(this.copy.get(key))));
    if (value === undefined) this.copy.delete(key);
    else this.copy.set(key, value);
  }

  get resyncs(): (Told & { kind: 'resync' })[] {
    return this.told.filter((event) => event.kind === 'resync');
  }

  of(key: string): Told[] {
    return this.told.filter((event) => event.kind !== 'resync' && event.key === key);
  }

  async inSync(): Promise<void> {
    await this.watch.reachedState('in-sync');
  }

  async has(key: string, value: unknown): Promise<void> {
    await waitFor(`${key} is ${JSON.stringify(value)}`, () => {
      return JSON.stringify(this.copy.get(key)) === JSON.stringify(value);
    });
  }

  async lacks(key: string): Promise<void> {
    await waitFor(`${key} is gone`, () => !this.copy.has(key));
  }
}

function plain(previous: Previous<unknown>): unknown {
  return previous.is === 'value' ? previous.value : previous.is;
}

/** Watches and publishers that end with the test. */
export class DatasyncClients {
  readonly #open: Datasync[] = [];

  add(transport: Transport): Datasync {
    const sync = createDatasync({ transport });
    this.#open.push(sync);
    return sync;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((sync) => sync.close()));
  }
}
