import { createHash } from 'node:crypto';
import { sourceOf } from '../../change/namespace-part.ts';
import type { Column, Relation } from '../../change/relation.ts';
import { keyOf } from '../../change/tuple.ts';
import type { NetChanges } from '../../connector/sink.ts';
import { isDocumentRelation, keyNameOf } from '../../document/document-relation.ts';

/** One net change; `update` has unchanged columns. `bytes`: the tuple, or the key of a delete (see `NetChanges`). */
export interface Unit {
  kind: 'upsert' | 'update' | 'delete';
  bytes: Buffer;
  /** Its key came into being in the batch, so that the target need not have a row of it. */
  isNew?: true;
  /** Tells it from others of its kind that are equal, where it is written once more after a crash. */
  name?: string;
}

export function unitsOf(changes: NetChanges): Unit[] {
  const { upserts, partial, deletes, fresh = 0, passed = 0 } = changes;
  const of = (kind: Unit['kind'], list: readonly Buffer[], isNew?: (i: number) => boolean) =>
    list.map((bytes, i): Unit => ({ kind, bytes, ...(isNew?.(i) === true && { isNew: true }) }));
  return [
    ...of('delete', deletes, (i) => i >= deletes.length - passed),
    ...of('upsert', upserts, (i) => i < fresh),
    ...of('update', partial),
  ];
}

export function toNetChanges(relation: Relation, units: Iterable<Unit>): NetChanges {
  const all = [...units];
  const of = (kind: Unit['kind'], isNew: boolean): Buffer[] =>
    all
      .filter((unit) => unit.kind === kind && (unit.isNew === true) === isNew)
      .map(({ bytes }) => bytes);
  const [fresh, passed] = [of('upsert', true), of('delete', true)];
  return {
    relation,
    upserts: [...fresh, ...of('upsert', false)],
    fresh: fresh.length,
    partial: of('update', false),
    deletes: [...of('delete', false), ...passed],
    passed: passed.length,
  };
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

/**
 * What keys of the relation are made of: keys compare only where this is the same. Ids of documents are told apart by what
 * they are worth; an earlier version did so by their bytes, and called that by the columns alone, so that all waits behind
 * entries of either that the other finds.
 */
export function shapeOf(relation: Relation): string {
  const columns = keyColumns(relation).map(({ name, type }) => [name, type]);
  return JSON.stringify(isDocumentRelation(relation) ? [...columns, BY_WORTH] : columns);
}

const BY_WORTH = 'by worth';

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
  if (relation.looseKey !== true)
    hash.update(shapeOf(relation)).update(keyNameOf(relation, key), 'latin1');
  return hash.digest().subarray(0, 16);
}

/** For maps and sets. */
export function nameOf(bytes: Buffer): string {
  return bytes.toString('latin1');
}
