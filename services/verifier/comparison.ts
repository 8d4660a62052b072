import type { Relation } from '../../shared/change/relation.ts';
import type { RowHash, Verifier } from '../../shared/connector/verifier.ts';

/** One namespace at both ends, ready to be compared. */
export interface Comparison {
  relation: Relation;
  source: Verifier;
  target: Verifier;
  /** The namespace's name at the target. */
  targetNamespace: string;
}

export interface BothRows {
  source: RowHash | undefined;
  target: RowHash | undefined;
}

export type DifferenceKind = 'missing at target' | 'extra at target' | 'different';

export interface Difference {
  key: string;
  kind: DifferenceKind;
}

export function sameRow(a: RowHash | undefined, b: RowHash | undefined): boolean {
  return a?.hash === b?.hash && a?.count === b?.count;
}

/** What is different between two rows that are not the same. Without a key there may be too few or too many. */
export function kindOf({ source, target }: BothRows): DifferenceKind {
  const atSource = source?.count ?? 0;
  const atTarget = target?.count ?? 0;
  if (atSource === atTarget) return 'different';
  return atSource > atTarget ? 'missing at target' : 'extra at target';
}
