import type { ParkedSelection } from '../../connector/parking.ts';
import type { ParkedRecord } from '../records.ts';

/** Which entries a step is about. */
export type ParkedSet =
  | ParkedSelection
  /** Of just these namespaces, wherever else rows of them go. */
  | { kind: 'namespaces'; namespaces: readonly string[] }
  /** These, and of each chain what is up to an id. */
  | { kind: 'done'; ids: readonly number[]; overtaken: readonly Overtaken[] };

export interface Overtaken {
  chain: Buffer;
  upTo: number;
}

/** What is asked of the parked entries of one pipeline; each store answers in the cheapest way that it has. */
export interface ParkedEntries {
  /** What keys of entries of this namespace of the source compare as, wherever its rows go: none, one, or two of them. */
  shapes(source: string): Promise<ReadonlySet<string>>;
  /** Which of these chains have entries: their names. */
  among(chains: readonly Buffer[]): Promise<ReadonlySet<string>>;
  /** Some entries in the order of their ids. */
  read(page: ParkedPageRequest): Promise<ParkedRecord[]>;
  count(selection: ParkedSelection): Promise<number>;
  /** 0 where there is none. */
  lastId(): Promise<number>;
  /** What is before the entry `before`, but for these `ids`: those of the chains that have some, and shapes. */
  outside(where: {
    chains: readonly Buffer[];
    namespaces: readonly string[];
    before: number;
    ids: readonly number[];
  }): Promise<OutsideEntries>;
  /** Of each chain the first entry behind `after`, up to `until`. */
  firstBehind(chains: readonly Buffer[], after: number, until: number): Promise<number[]>;
}

export interface ParkedPageRequest {
  selection: ParkedSelection;
  /** Ids stand for all entries of their chains: the first could not be passed, and the last would be alone. */
  wholeChains: boolean;
  after: number;
  /** Null: to the last. */
  until: number | null;
  limit: number;
  /** Of tuples; the first entry may have more. */
  maxBytes: number;
  /** Only those that a step failed for. */
  failed?: true;
}

export interface OutsideEntries {
  /** `tied`: a move ties it to another chain. */
  chains: { chain: Buffer; tied: boolean }[];
  shapes: { namespace: string; shape: string }[];
}
