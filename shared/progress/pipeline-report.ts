import type { ChangeCounts } from '../change/change-counts.ts';

/**
 * How a pipeline is doing, in a word; `judge` in the stats service says when it is which.
 *
 * `idle`: the target has all there is, and nothing changes. `following`: changes flow and arrive. `behind`: they arrive
 * late. `stuck`: work waits, and nothing was committed for 30 s. `unbalanced`: the counts of what was read and what
 * became of it differ although nothing is on its way. `down`: no source-reader is there.
 */
export const PIPELINE_STATES = [
  'starting',
  'copying',
  'following',
  'idle',
  'behind',
  'stuck',
  'unbalanced',
  'paused',
  'stopped',
  'finished',
  'failed',
  'down',
] as const;

export type PipelineStateName = (typeof PIPELINE_STATES)[number];

export interface Verdict {
  state: PipelineStateName;
  /** One sentence; of a state that a person must look at, with what to do. */
  reason: string;
}

/** What the stats service knows of a pipeline. */
export interface PipelineReport extends Verdict {
  /** How long it has been in this state, as far as is known. */
  stateMs: number;
  /** Changes since the pipeline was made: read = applied + filtered + parked + discarded + in flight. */
  read: ChangeCounts | null;
  applied: ChangeCounts | null;
  /** Left out by a transformer. */
  filtered: ChangeCounts | null;
  /** Among those applied: updates and deletes of rows that the target did not have; null where none is known of and not all can be. */
  unmet: number | null;
  /** Changes that are aside. */
  parked: number;
  /** Changes that were aside and that people have given up. */
  discarded: number;
  /** What people look after: entries of changes, and of rows of the copy. */
  parkedEntries: number;
  inFlight: number | null;
  /** Null: the counts balance, as far as they can be compared. */
  difference: Difference | null;
  /** From a marker at the source to its arrival through the slowest lane; null while none has come through. */
  lagMs: number | null;
  /** From what every lane has settled to the source's head, in bytes of its log; null where that cannot be told. */
  bytesBehind: number | null;
  lanes: LaneReport[];
  /** Null before two looks tell how fast it goes. */
  appliedPerSecond: number | null;
  copiedRowsPerSecond: number | null;
  /** Null before the reader has a plan, and where nothing is copied. */
  copy: CopyReport | null;
  /** What waits in the broker; null before the first look. */
  broker: BrokerState | null;
  /** Those with something to tell first, by name; the rest is only counted. */
  namespaces: NamespaceReport[];
  namespacesLeftOut: number;
}

/** Of one namespace and kind of change, where the counts do not meet. */
export interface Difference {
  namespace: string;
  kind: keyof ChangeCounts;
  read: number;
  /** Applied, filtered, parked or discarded. */
  settled: number;
}

export interface LaneReport {
  lane: number;
  lagMs: number | null;
  /** The writer that says that it works on the lane. */
  owner: string | null;
}

export interface CopyReport {
  chunksTotal: number;
  chunksDone: number;
  rowsDone: number;
  /** Estimated by the source; 0 where it does not say. */
  bytesTotal: number;
  bytesDone: number;
  namespacesReady: number;
  namespacesTotal: number;
  /** Null while the rate is not known, and when every chunk is in. */
  leftMs: number | null;
}

export interface NamespaceReport {
  namespace: string;
  read: ChangeCounts;
  applied: ChangeCounts;
  /** All that the target accounts for: applied, filtered, parked and discarded. */
  settled: ChangeCounts;
  /** Changes of any kind, as those that are parked. */
  filtered: number;
  parked: number;
  /** Null where none is known of and not all can be. */
  unmet: number | null;
  /** Null where no reader has told it yet. */
  rowsDone: number | null;
  chunksTotal: number;
  chunksDone: number;
  bytesTotal: number;
  bytesDone: number;
}

/** The lanes of one pipeline as the broker has them. */
export interface BrokerState {
  /** What the account of the pipeline stores on disk in all. */
  storedBytes: number;
  lanes: {
    /** `raw-…`: on the way to a transformer. */
    kind: 'lane' | 'chunk' | 'raw-lane' | 'raw-chunk';
    lane: number;
    messages: number;
    bytes: number;
    maxBytes: number;
  }[];
}
