import type { Position } from '../change/position.ts';
import type { Relation } from '../change/relation.ts';
import type { ChangeCounts } from '../change/change-counts.ts';

/**
 * Rows that the target refused, put aside in the target itself with every later change of the same key, so that the
 * rest flows on. An entry is one net change; the entries of one key are its chain, in the order of their ids.
 */
export interface Parking {
  /** In the order of their ids, at most `limit`. */
  list(selection: ParkedSelection, after: number, limit: number): Promise<ParkedEntry[]>;
  /** With its values; null where there is no such entry. */
  show(id: number): Promise<ParkedRow | null>;
  /**
   * Applies some of the entries behind `after`, chain by chain in order; repeat with `next` and `until` until `next` is
   * null. An id stands for the whole chain of its key. What is refused again stays with its new reason, and so does the
   * rest of its chain, unless a later change that brings the whole row is accepted. Without `until` it goes up to the
   * last entry there is: a replay that met what is parked meanwhile might never end.
   */
  replay(selection: ParkedSelection, after: number, until: number | null): Promise<ReplayStep>;
  /** Drops exactly these entries; returns how many there were. */
  discard(selection: ParkedSelection): Promise<number>;
}

export type ParkedSelection =
  { kind: 'all' } | { kind: 'namespace'; namespace: string } | { kind: 'ids'; ids: number[] };

export interface ParkedEntry {
  id: number;
  namespace: string;
  /** Column by column as text; null where rows are told apart by all their values or not at all. */
  key: Record<string, string> | null;
  /** `move`: the row gets another key while some of its columns are unchanged. */
  kind: 'upsert' | 'update' | 'delete' | 'move';
  /** Came with the copy and not with a change. */
  copied: boolean;
  /** A step of the transforms failed for it: its values are those before the first of them. */
  untransformed: boolean;
  reason: string;
  /** Of the last change in it; of a copied row where its copy stands. */
  position: Position;
  parkedAt: string;
}

export interface ParkedRow extends ParkedEntry {
  /** Text of each column that the entry brings; one that is unchanged is left out. */
  values: Record<string, string | null>;
}

export interface ReplayStep {
  /** Entries that were applied, or that a later one of their key made needless. */
  replayed: number;
  /** Entries that stayed. */
  left: number;
  /** The last entry that concerns this replay. */
  until: number;
  /** Where to go on; null at the end. */
  next: { selection: ParkedSelection; after: number } | null;
}

/** What is parked of one namespace: changes as the source made them, and rows of the copy. */
export interface ParkedCounts extends ChangeCounts {
  entries: number;
  rows: number;
}

/** A row that its source could not understand. */
export interface RefusedRow {
  /** A sentence: where it stands, which value is wrong and why, and what to do. */
  message: string;
  /** Which column and why, without any value. */
  reason: string;
  /** Its values as they came. */
  tuple: Buffer;
}

/**
 * Takes such a row through the steps of this pipeline once more, as they are now. `partial`: the tuple does not bring all
 * of it.
 */
export type RetrySteps = (
  source: Relation,
  kind: 'copy' | 'insert' | 'update' | 'delete' | 'move',
  tuple: Buffer,
  partial: boolean,
) => Promise<{ failure: string } | RetriedRow>;

export interface RetriedRow {
  relation: Relation;
  /** Null: they leave it out. */
  tuple: Buffer | null;
  partial: boolean;
  /** Where else a row of its key may be, which has to go from there. */
  elsewhere: readonly Relation[];
}
