import type { Relation } from '../../change/relation.ts';
import { fillUnchanged, hasUnchanged } from '../../change/tuple.ts';
import { isDocumentRelation } from '../../document/document-relation.ts';
import { foldDocumentRows } from '../../document/fold-rows.ts';
import type { Unit } from './change-unit.ts';

/** What units of one chain, in order, come to: one unit of a key, or so many equal ones of rows without a key. */
export function foldChain(relation: Relation, units: readonly Unit[]): Unit[] {
  switch (relation.identity) {
    case 'none':
      return [...units];
    case 'row':
      return foldEqualRows(units);
    case 'key':
      return [
        units.reduce((before, unit) =>
          unit.kind === 'update' ? fill(relation, unit, before) : unit,
        ),
      ];
  }
}

function fill(relation: Relation, update: Unit, before: Unit): Unit {
  const { kind } = before;
  // There is no row that it could change.
  if (kind === 'delete') return before;
  if (isDocumentRelation(relation))
    return { kind, bytes: foldDocumentRows(update.bytes, before.bytes, kind === 'update') };
  const bytes = fillUnchanged(update.bytes, before.bytes);
  return { kind: hasUnchanged(bytes) ? 'update' : 'upsert', bytes };
}

function foldEqualRows(units: readonly Unit[]): Unit[] {
  const net = units.reduce((sum, { kind }) => sum + (kind === 'delete' ? -1 : 1), 0);
  const unit: Unit = { kind: net < 0 ? 'delete' : 'upsert', bytes: units[0]!.bytes };
  return Array.from({ length: Math.abs(net) }, () => unit);
}
