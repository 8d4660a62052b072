import { setTimeout as sleep } from 'node:timers/promises';
import type { RowHash } from '../../shared/connector/verifier.ts';
import { kindOf, sameRow, type BothRows, type Comparison, type Difference } from './comparison.ts';

export interface Settled {
  differences: Difference[];
  /** Keys whose rows at the source kept changing for as long as they were watched. */
  unsettled: string[];
}

export interface SettleOptions {
  /** How long a row of the source must stay as it is before a difference at the target counts. */
  settleMs: number;
  /** Between two looks. */
  delayMs: number;
  nowMs?: () => number;
  signal?: AbortSignal | undefined;
}

/** A row that changes again and again is watched this many times the settle time, then given up as unsettled. */
const PATIENCE = 3;
const KEYS_PER_LOOK = 5_000;

interface Watched {
  source: RowHash | undefined;
  target: RowHash | undefined;
  /** Since when the source's row has been as it is. */
  sinceMs: number;
}

/**
 * Looks at keys again until each is equal, or stays different although its row at the source has not changed for
 * the settle time (then it is a difference and no change on its way), or the patience is over.
 */
export async function settle(
  comparison: Comparison,
  keys: readonly string[],
  { settleMs, delayMs, nowMs = Date.now, signal }: SettleOptions,
): Promise<Settled> {
  const startMs = nowMs();
  const watched = new Map<string, Watched | null>(keys.map((key) => [key, null]));
  const differences: Difference[] = [];
  while (watched.size > 0) {
    const rows = await readRows(comparison, [...watched.keys()]);
    const now = nowMs();
    for (const [key, before] of watched) {
      const both = rows(key);
      if (sameRow(both.source, both.target)) {
        watched.delete(key);
        continue;
      }
      const unchanged = before !== null && sameRow(before.source, both.source);
      const sinceMs = unchanged ? before.sinceMs : now;
      watched.set(key, { ...both, sinceMs });
      // A first look says nothing of how long; with no settle time the second one decides.
      if (unchanged && now - sinceMs >= settleMs) {
        differences.push({ key, kind: kindOf(both) });
        watched.delete(key);
      }
    }
    if (watched.size === 0 || now - startMs > PATIENCE * settleMs + 2 * delayMs) break;
    await sleep(delayMs, undefined, { signal });
  }
  return { differences, unsettled: [...watched.keys()] };
}

async function readRows(
  { relation, source, target, targetNamespace }: Comparison,
  keys: readonly string[],
): Promise<(key: string) => BothRows> {
  const atSource = new Map<string, RowHash>();
  const atTarget = new Map<string, RowHash>();
  for (let from = 0; from < keys.length; from += KEYS_PER_LOOK) {
    const some = keys.slice(from, from + KEYS_PER_LOOK);
    const [left, right] = await Promise.all([
      source.rowsByKey(relation.namespace, relation, some),
      target.rowsByKey(targetNamespace, relation, some),
    ]);
    for (const row of left) atSource.set(row.key, row);
    for (const row of right) atTarget.set(row.key, row);
  }
  return (key) => ({ source: atSource.get(key), target: atTarget.get(key) });
}
