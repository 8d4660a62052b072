import type { Relation } from '../../../../../shared/change/relation.ts';
import type { ChangeOrigin } from '../../../../../shared/connector/sink.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';

/** A document, or a change of one, that cannot become a row of its table: as it came, and why. */
export interface UnconvertedDocument extends Unit {
  /** As it came. */
  relation: Relation;
  /** Where later changes of its key wait behind it. */
  place: { chain: Buffer; shape: string };
  error: WeirError;
}

/** It is put aside as it came, and becomes a row when it is replayed. */
export function toUnconvertedAside(
  { relation, place, kind, bytes, error }: UnconvertedDocument,
  origin: ChangeOrigin & { copied: boolean },
): Aside {
  return {
    relation,
    source: null,
    ...place,
    kind,
    also: null,
    key: kind === 'delete' ? bytes : null,
    tuple: kind === 'delete' ? null : bytes,
    ...origin,
    reason: error.message,
  };
}
