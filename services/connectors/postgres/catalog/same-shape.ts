import type { Relation } from '../../../../shared/change/relation.ts';

/** Whether rows of both have the same columns in the same order, and are told apart by the same ones. */
export function isSameShape(a: Relation, b: Relation): boolean {
  return (
    a.columns.length === b.columns.length &&
    a.columns.every((c, i) => c.name === b.columns[i]!.name && c.type === b.columns[i]!.type) &&
    hasSameKey(a, b)
  );
}

export function hasSameKey(a: Relation, b: Relation): boolean {
  const names = (relation: Relation): string =>
    relation.key.map((i) => relation.columns[i]!.name).join('\0');
  return a.identity === b.identity && names(a) === names(b);
}
