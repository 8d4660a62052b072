import type { Position } from '../../change/position.ts';
import type { Relation } from '../../change/relation.ts';
import type { FailedRow } from '../../change/failed-row.ts';
import type { LaneBatch } from '../../connector/sink.ts';
import type { ChangeCounts } from '../../change/change-counts.ts';
import { keyOfUnit, nameOf, toChain, type Unit } from './change-unit.ts';

/** What is to be put aside; `ParkedRecord` says what the fields mean. */
export interface Aside {
  relation: Relation;
  /** Of `tuple`, where a step failed for the row; otherwise null. */
  source: Relation | null;
  /** What its key compares as, where the relation does not tell. */
  shape?: string;
  kind: 'upsert' | 'update' | 'delete' | 'move';
  chain: Buffer | null;
  also: Buffer | null;
  /** Of a delete, of what a step failed for, and of a move the key that the row had; otherwise the tuple has it. */
  key: Buffer | null;
  tuple: Buffer | null;
  copied: boolean;
  position: Position;
  counts: Pick<ChangeCounts, 'inserts' | 'updates' | 'deletes'>;
  reason: string;
}

export const BEHIND = 'waits behind an earlier change of the same key';

export const NOTHING: ChangeCounts = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };

/** Units of a batch as entries, with what the source had done that came to them. */
export function toAside(
  batch: LaneBatch,
  relation: Relation,
  reasons: ReadonlyMap<Unit, string>,
  chains: readonly (Buffer | null)[],
): Aside[] {
  const units = [...reasons.keys()];
  const names = units.map((unit) => {
    const key = keyOfUnit(relation, unit);
    return key === null ? null : nameOf(key);
  });
  const known = new Set(names.filter((name) => name !== null));
  const origins = known.size === 0 ? undefined : batch.originsOf?.(relation.namespace, known);
  return units.map((unit, i) => {
    const name = names[i]!;
    const origin = name === null ? undefined : origins?.get(name);
    // Equal rows without a key share what the source did to them.
    const isFirst = name === null || known.delete(name);
    return {
      ...entryOf(relation, unit, chains[i]!),
      copied: false,
      position: origin?.position ?? batch.after.position,
      counts: isFirst ? (origin?.counts ?? oneOf(unit.kind)) : NOTHING,
      reason: reasons.get(unit)!,
    };
  });
}

/** Rows of the copy as entries: they are no changes. */
export function toCopiedAside(
  relation: Relation,
  reasons: ReadonlyMap<Unit, string>,
  chains: readonly (Buffer | null)[],
  position: Position,
): Aside[] {
  return [...reasons].map(([unit, reason], i) => ({
    ...entryOf(relation, unit, chains[i]!),
    copied: true,
    position,
    counts: NOTHING,
    reason,
  }));
}

function entryOf(
  relation: Relation,
  { kind, bytes }: Unit,
  chain: Buffer | null,
): Pick<Aside, 'relation' | 'source' | 'kind' | 'chain' | 'also' | 'key' | 'tuple'> {
  const [key, tuple] = kind === 'delete' ? [bytes, null] : [null, bytes];
  return { relation, source: null, kind, chain, also: null, key, tuple };
}

/** Which chain a bare key belongs to, and what such keys compare as where the relation does not tell. */
export type PlaceOf = (relation: Relation, key: Buffer) => { chain: Buffer; shape?: string };

const PLAIN: PlaceOf = (relation, key) => ({ chain: toChain(relation, key) });

/** Changes that a step failed for, and those behind them. */
export function heldAside(held: NonNullable<LaneBatch['held']>, placeOf: PlaceOf = PLAIN): Aside[] {
  return held.map(({ relation, kind, bytes, failed, counts, position }) => {
    const common = { copied: false, counts, position };
    if (failed !== null) return { ...failedEntry(relation, kind, failed, placeOf), ...common };
    const unit: Unit = { kind, bytes: bytes! };
    const key = keyOfUnit(relation, unit);
    const bare = relation.identity === 'row' ? key!.subarray(2) : key;
    const place = bare === null ? { chain: null } : placeOf(relation, bare);
    return { ...entryOf(relation, unit, place.chain), ...place, ...common, reason: BEHIND };
  });
}

/** Rows of the copy that a step failed for. */
export function failedAside(
  relation: Relation,
  failed: readonly FailedRow[],
  position: Position,
  placeOf: PlaceOf = PLAIN,
): Aside[] {
  return failed.map((row) => ({
    ...failedEntry(relation, 'upsert', row, placeOf),
    copied: true,
    counts: NOTHING,
    position,
  }));
}

function failedEntry(
  relation: Relation,
  kind: Aside['kind'],
  { source, tuple, key, reason }: FailedRow,
  placeOf: PlaceOf,
): Omit<Aside, 'copied' | 'counts' | 'position'> {
  const place = key === null ? { chain: null } : placeOf(relation, key);
  return { relation, source, kind, ...place, also: null, key, tuple, reason };
}

export function oneOf(kind: Unit['kind']): ChangeCounts {
  if (kind === 'upsert') return { ...NOTHING, inserts: 1 };
  return kind === 'update' ? { ...NOTHING, updates: 1 } : { ...NOTHING, deletes: 1 };
}

/** What a batch counts, less what was put aside: that counts where it is parked. */
export function without(
  counts: LaneBatch['counts'],
  aside: readonly Aside[],
): Map<string, ChangeCounts> {
  const left = new Map([...counts].map(([namespace, each]) => [namespace, { ...each }]));
  for (const { relation, counts: less } of aside) {
    const of = left.get(relation.namespace);
    if (of === undefined) continue;
    of.inserts -= less.inserts;
    of.updates -= less.updates;
    of.deletes -= less.deletes;
  }
  return left;
}
