import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { detach, ignoreFailure } from '../../../../../shared/lifecycle/detach.ts';
import { MOST_ROWS } from './small-batch.ts';

/** How long small batches wait for the transaction before them; a slow target gets several at a time then. */
const PATIENCE_MS = 5;

export interface GroupCommitOptions {
  /** Writes a batch in a transaction of its own. */
  alone: (batch: LaneBatch) => Promise<void>;
  /** Writes batches of several lanes in one transaction; gives those that must be written alone. */
  together: (batches: readonly LaneBatch[]) => Promise<readonly LaneBatch[]>;
}

interface Waiting {
  batch: LaneBatch;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Small batches of several lanes that come while a transaction runs share the next one: what a commit costs the target
 * is then paid once for all of them. A pipeline at its ease has a few rows for each lane, from the same transaction of
 * the source.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Waiting[] = [];
  /** When the latest transaction began that has not ended. */
  #beganAtMs: number | null = null;
  #isDue = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  write(batch: LaneBatch): Promise<void> {
    if (rowsOf(batch) > MOST_ROWS) return this.#options.alone(batch);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (this.#waiting.length === 0 || this.#isDue || this.#patience !== undefined) return;
    if (this.#beganAtMs === null) {
      // What arrived in the same moment is waiting, too, by then.
      this.#isDue = true;
      setImmediate(() => this.#begin());
    } else {
      const patienceMs = this.#beganAtMs + PATIENCE_MS - performance.now();
      this.#patience = setTimeout(() => this.#begin(), Math.max(1, patienceMs));
    }
  }

  /** Each batch is told of its own failure. */
  #begin(): void {
    detach(this.#run(), ignoreFailure);
  }

  async #run(): Promise<void> {
    this.#isDue = false;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    // Always in the same order, so that no two transactions wait for each other.
    const group = this.#waiting.sort((a, b) => a.batch.before.lane - b.batch.before.lane);
    this.#waiting = [];
    const beganAtMs = (this.#beganAtMs = performance.now());
    await this.#write(group);
    if (this.#beganAtMs === beganAtMs) this.#beganAtMs = null;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#plan();
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const { alone, together } = this.#options;
    let left = group;
    try {
      if (group.length > 1) {
        const batches = new Set(await together(group.map(({ batch }) => batch)));
        left = group.filter(({ batch }) => batches.has(batch));
        for (const each of group) if (!batches.has(each.batch)) each.resolve();
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    await Promise.all(left.map(({ batch, resolve, reject }) => alone(batch).then(resolve, reject)));
  }
}

function rowsOf({ changes }: LaneBatch): number {
  return changes.reduce(
    (sum, { upserts, partial, deletes }) => sum + upserts.length + partial.length + deletes.length,
    0,
  );
}
