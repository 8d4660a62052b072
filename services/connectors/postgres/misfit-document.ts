import type { Relation } from '../../../shared/change/relation.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import type { ChangeOrigin } from '../../../shared/connector/sink.ts';
import type { WeirError } from '../../../shared/errors/weir-error.ts';
import { shapeOf, toChain, type Unit } from './parked-chain.ts';
import type { Aside } from './parked-entries.ts';

/** A document, or a change of one, that cannot become a row of its table: as it came, and why. */
export interface MisfitDocument extends Unit {
  /** As it came. */
  relation: Relation;
  /** What its row would be of, and its key there; null where that does not fit either. */
  written: Relation;
  key: Buffer | null;
  error: WeirError;
}

/**
 * It is put aside as it came, and becomes a row when it is replayed. Its chain is that of its key as it is written, so
 * that later changes wait behind it; no row has a key that does not fit.
 */
export function toMisfitAside(
  { relation, written, kind, bytes, key, error }: MisfitDocument,
  origin: ChangeOrigin & { copied: boolean },
): Aside {
  const own = kind === 'delete' ? bytes : keyOf(bytes, relation.key);
  return {
    relation,
    source: null,
    shape: shapeOf(written),
    kind,
    chain: key === null ? toChain(relation, own) : toChain(written, key),
    also: null,
    key: kind === 'delete' ? bytes : null,
    tuple: kind === 'delete' ? null : bytes,
    ...origin,
    reason: error.message,
  };
}
