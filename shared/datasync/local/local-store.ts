import { randomUUID } from 'node:crypto';
import { DatasyncError } from '../datasync-error.ts';
import { toRevision, NO_REVISION, type Revision } from '../revision.ts';
import type { Entry, WriteOperation } from '../transport.ts';

export interface LocalStoreOptions {
  /** Versions of a key that are kept; 1 when left out. */
  history?: number;
}

/** What a follower is told. */
export type LocalNotice = { entries: readonly Entry[] } | { made: 'anew' | 'older' };

interface Client {
  readonly lifetimes: Set<string>;
}

/** A store in this process: one order of revisions, the last versions of each key, delete markers up to the horizon. */
export class LocalStore {
  incarnation = randomUUID();
  /** After this revision every delete marker is still there. */
  horizon = NO_REVISION;
  #revision = 0n;
  #versions = new Map<string, Entry[]>();
  readonly #history: number;
  readonly #followers = new Set<(notice: LocalNotice) => void>();
  readonly #expiries = new Map<string, NodeJS.Timeout>();
  readonly #owners = new Map<string, Client>();

  constructor({ history = 1 }: LocalStoreOptions = {}) {
    this.#history = history;
  }

  get revision(): Revision {
    return toRevision(this.#revision);
  }

  /** Versions after a revision, oldest first, one list for each write. */
  since(revision: Revision, everyVersion: boolean): Entry[][] {
    const writes = new Map<bigint, Entry[]>();
    for (const versions of this.#versions.values())
      for (const entry of everyVersion ? versions : versions.slice(-1)) {
        if (entry.revision <= revision) continue;
        const mayFollowLost = entry === versions[0] && versions.length >= this.#history;
        const list = writes.get(entry.revision) ?? [];
        list.push(mayFollowLost ? { ...entry, mayFollowLost } : entry);
        writes.set(entry.revision, list);
      }
    return [...writes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list);
  }

  newest(key: string): Entry | undefined {
    return this.#versions.get(key)?.at(-1);
  }

  at(key: string, revision: Revision): Entry | undefined {
    return this.#versions.get(key)?.find((entry) => entry.revision === revision);
  }

  follow(follower: (notice: LocalNotice) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  write(operations: readonly WriteOperation[], client: Client): Revision {
    for (const { key, ifRevision } of operations) this.#compare(key, ifRevision);
    const revision = toRevision(++this.#revision);
    const entries = operations.map((operation) => this.#store(operation, revision, client));
    for (const follower of this.#followers) follower({ entries });
    return revision;
  }

  /** Forgets delete markers up to a revision, and raises the horizon first. */
  purge(upTo: Revision = this.revision): void {
    if (upTo > this.horizon) this.horizon = upTo;
    for (const [key, versions] of this.#versions) {
      const last = versions.at(-1)!;
      if (last.kind === 'delete' && last.revision <= upTo) this.#versions.delete(key);
    }
  }

  /** As a store that was removed and made again. */
  recreate(): void {
    this.incarnation = randomUUID();
    this.#revision = 0n;
    this.#versions = new Map();
    this.horizon = NO_REVISION;
    for (const follower of this.#followers) follower({ made: 'anew' });
  }

  /** What `restore` puts back. */
  backup(): () => void {
    const revision = this.#revision;
    const versions = structuredClone(this.#versions);
    const { horizon } = this;
    const made = this.incarnation;
    return () => {
      // The same store, of another time: the part behind the dot says which.
      this.incarnation = `${made.split('.')[0]}.${randomUUID()}`;
      this.#revision = revision;
      this.#versions = structuredClone(versions);
      this.horizon = horizon;
      for (const follower of this.#followers) follower({ made: 'older' });
    };
  }

  /** Keys that were to go with this client go. */
  leave(client: Client): void {
    for (const key of client.lifetimes)
      if (this.newest(key)?.kind === 'put') this.write([{ kind: 'delete', key }], client);
    client.lifetimes.clear();
  }

  #compare(key: string, ifRevision: Revision | undefined): void {
    if (ifRevision === undefined) return;
    const newest = this.newest(key);
    const now = newest?.kind === 'put' ? newest.revision : NO_REVISION;
    if (now !== ifRevision)
      throw new DatasyncError(
        'CONFLICT',
        `"${key}" is at revision ${now}, not ${ifRevision}; read it again`,
      );
  }

  #store(
    { kind, key, value, ttlMs, lifetime }: WriteOperation,
    revision: Revision,
    client: Client,
  ): Entry {
    const entry: Entry = {
      key,
      revision,
      kind,
      stamp: performance.now(),
      ...(kind === 'put' ? { value: value! } : {}),
    };
    this.#versions.set(key, [...(this.#versions.get(key) ?? []), entry].slice(-this.#history));
    clearTimeout(this.#expiries.get(key));
    this.#owners.get(key)?.lifetimes.delete(key);
    if (lifetime === 'client') {
      client.lifetimes.add(key);
      this.#owners.set(key, client);
    }
    if (ttlMs !== undefined) {
      const expiry = setTimeout(() => {
        if (this.newest(key) === entry) this.write([{ kind: 'delete', key }], client);
      }, ttlMs);
      expiry.unref();
      this.#expiries.set(key, expiry);
    }
    return entry;
  }
}
