import { createHash } from 'node:crypto';
import { sourceOf } from '../../../shared/change/namespace-part.ts';
import type { Column, Relation } from '../../../shared/change/relation.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import type { NetChanges } from '../../../shared/connector/sink.ts';

/** One net change; `update` has unchanged columns. `bytes`: the tuple, or the key of a delete (see `NetChanges`). */
export interface Unit {
  kind: 'upsert' | 'update' | 'delete';
  bytes: Buffer;
}

export function unitsOf({ upserts, partial, deletes }: NetChanges): Unit[] {
  const of = (kind: Unit['kind'], list: readonly Buffer[]): Unit[] =>
    list.map((bytes) => ({ kind, bytes }));
  return [...of('delete', deletes), ...of('upsert', upserts), ...of('update', partial)];
}

export function toNetChanges(relation: Relation, units: Iterable<Unit>): NetChanges {
  const changes: NetChanges = { relation, upserts: [], partial: [], deletes: [] };
  for (const { kind, bytes } of units)
    changes[kind === 'upsert' ? 'upserts' : kind === 'update' ? 'partial' : 'deletes'].push(bytes);
  return changes;
}

/** What tells the unit's row from others: its key, or all of it; null where nothing does. */
export function keyOfUnit(relation: Relation, { kind, bytes }: Unit): Buffer | null {
  switch (relation.identity) {
    case 'none':
      return null;
    case 'row':
      return bytes;
    case 'key':
      return kind === 'delete' ? bytes : keyOf(bytes, relation.key);
  }
}

/** What keys of the relation are made of: keys compare only where this is the same. */
export function shapeOf(relation: Relation): string {
  return JSON.stringify(keyColumns(relation).map(({ name, type }) => [name, type]));
}

/** The columns that tell rows apart. */
export function keyColumns({ identity, columns, key }: Relation): Column[] {
  if (identity === 'none') return [];
  return identity === 'row' ? columns : key.map((i) => columns[i]!);
}

/**
 * The chain that changes of this key belong to. Where equal keys may be written differently, all of a namespace is one
 * chain: too much waits then, and nothing overtakes.
 */
export function toChain(relation: Relation, key: Buffer): Buffer {
  const hash = createHash('sha256').update(JSON.stringify([sourceOf(relation.namespace)]));
  if (relation.looseKey !== true) hash.update(shapeOf(relation)).update(key);
  return hash.digest().subarray(0, 16);
}

/** For maps and sets. */
export function nameOf(bytes: Buffer): string {
  return bytes.toString('latin1');
}
