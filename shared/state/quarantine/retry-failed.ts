import type { Relation } from '../../change/relation.ts';
import { keyOf } from '../../change/tuple.ts';
import type { ParkedSelection, RetriedRow, RetrySteps } from '../../connector/parking.ts';
import type { ParkedRecord } from '../records.ts';
import type { StateStep } from '../state-step.ts';
import { shapeOf, toChain } from './change-unit.ts';
import type { ParkedEntries } from './parked-entries.ts';
import { PAGE_BYTES, PAGE_ROWS } from './parked-page.ts';

/** Where a store that writes documents as rows says what those of a bare key compare as. */
export type PlaceOfKey = (
  relation: Relation,
  key: Buffer,
) => Promise<{ chain: Buffer; shape: string }>;

export interface RetryOptions {
  parked: ParkedEntries;
  commit: (step: StateStep) => Promise<boolean>;
  retrySteps: RetrySteps | undefined;
  placeOf?: PlaceOfKey;
}

/**
 * Takes parked rows that a step failed for through the steps again, before a replay: those that pass become entries like
 * any other, at their place. No lane waits for it, because what a row comes to rests on the row alone.
 */
export async function retryFailed(
  options: RetryOptions,
  selection: ParkedSelection,
  after: number,
  until: number | null,
): Promise<void> {
  const { parked, retrySteps, commit } = options;
  if (retrySteps === undefined) return;
  const limits = { limit: PAGE_ROWS, maxBytes: PAGE_BYTES };
  const last = until ?? (await parked.lastId());
  let from = after;
  for (let left = PAGE_ROWS; left > 0;) {
    const wanted = { selection, wholeChains: true, after: from, until: last, ...limits };
    const entries = await parked.read({ ...wanted, limit: left, failed: true });
    for (const entry of entries) {
      const step = await retryOne(options, retrySteps, entry);
      // Somebody else may have seen to it meanwhile.
      if (step.length > 0) await commit(step);
    }
    const end = entries.at(-1);
    if (end === undefined) return;
    from = end.id;
    left -= entries.length;
  }
}

async function retryOne(
  { placeOf = plainPlace }: RetryOptions,
  retrySteps: RetrySteps,
  entry: ParkedRecord,
): Promise<StateStep> {
  const { id, source, kind } = entry;
  const made = await retrySteps(source!, changeOf(entry), entry.tuple!, kind === 'update');
  // Only while it is what was read: somebody else may have mended it and left it to be applied.
  const expect = { source };
  const mend = (set: Partial<ParkedRecord>): StateStep => [
    { kind: 'update', table: 'parked', key: { id }, expect, set },
  ];
  if ('failure' in made) return mend({ reason: made.failure });
  const mended = mendedEntry(entry, made);
  if (mended === null)
    // What the lanes say of it is seen to by the replay.
    return [
      ...mend({ source: null }),
      { kind: 'settle', entries: { kind: 'ids', ids: [id] }, as: 'applied' },
    ];
  const { relation, kind: becomes, key, tuple, own } = mended;
  const place = own === null ? null : await placeOf(relation, own);
  return mend({
    source: null,
    relation,
    namespace: relation.namespace,
    shape: place?.shape ?? shapeOf(relation),
    chain: place?.chain ?? null,
    kind: becomes,
    key,
    tuple,
    elsewhere: made.elsewhere.length > 0 ? [...made.elsewhere] : null,
    reason: 'the steps have been done to it by now',
  });
}

function plainPlace(relation: Relation, key: Buffer): ReturnType<PlaceOfKey> {
  return Promise.resolve({ chain: toChain(relation, key), shape: shapeOf(relation) });
}

/** An entry is one change, so what it counts says what it was. */
function changeOf({ copied, kind, inserts }: ParkedRecord): Parameters<RetrySteps>[1] {
  if (copied) return 'copy';
  if (kind === 'delete' || kind === 'move') return kind;
  return inserts > 0 ? 'insert' : 'update';
}

interface MendedEntry extends Pick<ParkedRecord, 'relation' | 'kind' | 'key' | 'tuple'> {
  /** What tells its row from others, bare. */
  own: Buffer | null;
}

/** Null: there is nothing to be done at the target. */
function mendedEntry(
  { kind, key }: ParkedRecord,
  { relation, tuple, partial }: RetriedRow,
): MendedEntry | null {
  if (tuple === null) {
    // The target may have the row of that key.
    if (relation.identity !== 'key' || key === null) return null;
    return { relation, kind: 'delete', key, tuple: null, own: key };
  }
  if (relation.identity === 'none')
    return { relation, kind: 'upsert', key: null, tuple, own: null };
  if (relation.identity === 'row') {
    const deleted = kind === 'delete';
    return {
      relation,
      kind: deleted ? 'delete' : 'upsert',
      key: deleted ? tuple : null,
      tuple: deleted ? null : tuple,
      own: tuple.subarray(2),
    };
  }
  const own = keyOf(tuple, relation.key);
  if (kind === 'move') return { relation, kind, key, tuple, own };
  return { relation, kind: partial ? 'update' : 'upsert', key: null, tuple, own };
}
