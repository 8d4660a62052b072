import type { Entry } from './transport.ts';

/** What is given to the handler at once: one version of one key, or the versions of a transaction. */
export interface Work {
  entries: Entry[];
  /** The subscription that it came by; its gate opens when RESYNC is done. */
  readonly scope: WorkScope;
  attempts: number;
  running: boolean;
  /** Set while it waits to be tried again. */
  retry?: NodeJS.Timeout;
}

export interface WorkScope {
  readonly isOpen: boolean;
  /** Aborted when what it gives now counts no more. */
  readonly epoch: AbortSignal;
}

/**
 * What waits, key by key. The first of each key may run, and only one: a key whose handler has not returned is held,
 * whatever has become of the reason for it. In `latest` mode what waits for a key is folded to its newest version.
 */
export class WorkQueue {
  readonly #byKey = new Map<string, Work[]>();
  /** Work that is the first for each of its keys and does not wait to be tried again. */
  readonly #ready = new Map<WorkScope, Set<Work>>();
  readonly #folds: boolean;
  readonly #maxBytes: number;
  #bytes = 0;
  #running = 0;

  constructor(options: { folds: boolean; maxBytes: number }) {
    this.#folds = options.folds;
    this.#maxBytes = options.maxBytes;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#byKey.size;
  }

  /** Bytes of the values that wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  isRunning(key: string): boolean {
    return this.#byKey.get(key)?.[0]?.running === true;
  }

  /** The newest version that waits or runs. */
  newest(key: string): Entry | undefined {
    return this.#byKey
      .get(key)
      ?.at(-1)
      ?.entries.findLast((entry) => entry.key === key);
  }

  add(entries: readonly Entry[], scope: WorkScope): void {
    const work: Work = { entries: [], scope, attempts: 0, running: false };
    const [only] = entries;
    const last = only === undefined ? undefined : this.#byKey.get(only.key)?.at(-1);
    if (this.#folds && entries.length === 1 && last !== undefined && isSingle(last, scope)) {
      this.#release(last.entries);
      last.entries = this.#keep(entries);
      // A newer version is tried at once, whatever became of the one before.
      last.attempts = 0;
      this.#endRetry(last);
      this.#offer(last);
      return;
    }
    work.entries = this.#keep(entries);
    for (const { key } of work.entries) {
      const line = this.#byKey.get(key);
      if (line === undefined) this.#byKey.set(key, [work]);
      else if (line.at(-1) !== work) line.push(work);
    }
    this.#offer(work);
  }

  /** The next that may run, of a scope whose gate is open; it runs until `finish`. */
  take(): Work | undefined {
    for (const [scope, works] of this.#ready) {
      if (!scope.isOpen) continue;
      for (const work of works) {
        works.delete(work);
        work.running = true;
        this.#running++;
        return work;
      }
    }
    return undefined;
  }

  /** It has come to an end, whichever; what waits behind it may run. */
  finish(work: Work): void {
    if (work.running) this.#running--;
    work.running = false;
    this.#remove(work);
  }

  /** It runs again later, unless something newer for its key comes before. */
  retryLater(work: Work, ms: number, onReady: () => void): void {
    if (work.running) this.#running--;
    work.running = false;
    if (this.#foldIntoNext(work)) return onReady();
    work.retry = setTimeout(() => {
      delete work.retry;
      this.#offer(work);
      onReady();
    }, ms);
  }

  /** Forgets what waits of a scope; what runs holds its keys until it returns. Gives what it forgot. */
  clear(scope: WorkScope): Entry[] {
    const forgotten: Entry[] = [];
    const works = new Set<Work>();
    for (const line of this.#byKey.values())
      for (const work of line) if (work.scope === scope && !work.running) works.add(work);
    for (const work of works) {
      forgotten.push(...work.entries);
      this.#endRetry(work);
      this.#remove(work);
    }
    this.#ready.delete(scope);
    return forgotten;
  }

  /** Every version that waits or runs, of a scope. */
  *entriesOf(scope: WorkScope): Iterable<Entry> {
    for (const line of this.#byKey.values())
      for (const work of line) if (work.scope === scope) yield* work.entries;
  }

  close(): void {
    for (const line of this.#byKey.values()) for (const work of line) this.#endRetry(work);
  }

  /** In `latest` mode a version that failed is dropped for the newer one behind it. */
  #foldIntoNext(work: Work): boolean {
    const line = this.#byKey.get(work.entries[0]!.key)!;
    const next = line[1];
    if (!this.#folds || next === undefined || !isSingle(next, work.scope)) return false;
    if (work.entries.length > 1) return false;
    this.#remove(work);
    return true;
  }

  #offer(work: Work): void {
    if (work.running || work.retry !== undefined) return;
    const isFirst = work.entries.every(({ key }) => this.#byKey.get(key)?.[0] === work);
    if (!isFirst) return;
    const works = this.#ready.get(work.scope);
    if (works === undefined) this.#ready.set(work.scope, new Set([work]));
    else works.add(work);
  }

  #remove(work: Work): void {
    this.#ready.get(work.scope)?.delete(work);
    this.#release(work.entries);
    const behind = new Set<Work>();
    for (const { key } of work.entries) {
      const line = this.#byKey.get(key);
      const at = line?.indexOf(work) ?? -1;
      if (line === undefined || at < 0) continue;
      line.splice(at, 1);
      if (line.length === 0) this.#byKey.delete(key);
      else behind.add(line[0]!);
    }
    for (const next of behind) this.#offer(next);
  }

  #endRetry(work: Work): void {
    if (work.retry !== undefined) clearTimeout(work.retry);
    delete work.retry;
  }

  /** Values above the limit are let go of; they are read again when their turn comes. */
  #keep(entries: readonly Entry[]): Entry[] {
    return entries.map((entry) => {
      const length = entry.value?.length ?? 0;
      if (length === 0) return entry;
      if (this.#bytes + length > this.#maxBytes) return withoutValue(entry);
      this.#bytes += length;
      return entry;
    });
  }

  #release(entries: readonly Entry[]): void {
    for (const { value } of entries) this.#bytes -= value?.length ?? 0;
  }
}

function isSingle(work: Work, scope: WorkScope): boolean {
  return !work.running && work.entries.length === 1 && work.scope === scope;
}

export function withoutValue(entry: Entry): Entry {
  const rest = { ...entry };
  delete rest.value;
  return rest;
}
