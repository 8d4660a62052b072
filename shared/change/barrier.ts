import type { Relation, RelationPlan } from './relation.ts';

/** A namespace has a new shape. */
export type RelationBarrier = Extract<Barrier, { kind: 'relation' }>;

/**
 * A change that concerns more than one lane: all lanes come to it, one carries it out, all go on.
 * `truncate`: the namespaces are emptied. `relation`: a namespace has a new shape.
 * `move`: rows of one relation get new keys, one after the other, while some of their columns are unchanged, so that the
 * old rows are needed to build the new ones. A source gives one at a time; they may travel together.
 */
export type Barrier =
  | { kind: 'truncate'; relations: Relation[]; cascade: boolean; restartIdentity: boolean }
  | {
      kind: 'relation';
      before: Relation;
      after: RelationPlan;
      changes?: StructureChange[];
      filled?: FilledColumn[];
    }
  | { kind: 'move'; relation: Relation; moves: MovedRow[] };

/**
 * Of what happened to a namespace, something that cannot be followed by itself: its new shape does not tell it, or values
 * have changed that are in no log. A sink goes on only once a person has seen to it.
 */
export interface StructureChange {
  /** A clause in plain words. */
  says: string;
  /** What a sink of the same store must know of it; opaque to the core. */
  detail: unknown;
}

/**
 * A column that came, in which the rows that were there have something: the source has given it to them, and no log says so.
 * `value`: the text of it, the same for all; null where the log's reader does not know it. A sink of the same store may know
 * more from the definition.
 */
export interface FilledColumn {
  column: string;
  value: string | null;
}

/** `key` (the old one) and `row` as for `ChangeReceiver.change`, in base64. */
export interface MovedRow {
  key: string;
  row: string;
  /** Where a step failed for the row, which is to be put aside: `row` is that of the source, and `key` its new one. */
  failed?: { reason: string; source: Relation; key: string };
}
