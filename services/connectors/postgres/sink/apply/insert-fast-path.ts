import type { LaneBatch, NetChanges } from '../../../../../shared/connector/sink.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { isBinary } from './change-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';

const UNIQUE_VIOLATION = '23505';

/**
 * Rows whose keys came into being in a batch need not be merged: where nothing else stands between them and their table
 * they are copied into it, for less than half of the work. A table that holds such a key nevertheless (somebody wrote
 * it there) refuses the batch as a whole, which is then merged, as are all that follow for its tables.
 */
export class InsertFastPath {
  readonly #merged = new Set<string>();

  /** Of the first upserts, how many are copied. */
  count({ fresh = 0, relation }: NetChanges, target: WriteTarget): number {
    if (this.#merged.has(relation.namespace)) return 0;
    return target.method === 'merge' && isBinary(target) ? fresh : 0;
  }

  /** Runs `write`, which asks `count`, and once more where such a row was there. */
  async write({ changes }: LaneBatch, write: () => Promise<void>): Promise<void> {
    try {
      return await write();
    } catch (error) {
      const known = this.#merged.size;
      if (error instanceof WeirError && error.details['sqlState'] === UNIQUE_VIOLATION)
        for (const { fresh = 0, relation } of changes)
          if (fresh > 0) this.#merged.add(relation.namespace);
      if (this.#merged.size === known) throw error;
    }
    return write();
  }
}
