import type { Position } from '../change/position.ts';
import type { ParkedCounts } from '../connector/parking.ts';
import type { ChangeCounts } from '../change/change-counts.ts';
import type { Chunk } from '../connector/chunk.ts';
import type { ChunkRecord, LaneRecord, NamespaceRecord, PipelineRecord } from './records.ts';
import type { ParkedEntries } from './quarantine/parked-entries.ts';
import type { StateStep } from './state-step.ts';

/**
 * Where the state of one pipeline lies. It knows nothing of what the records mean. A store that holds the data too
 * commits a step in the data's transaction as well, by its own means: see `RowSink`.
 */
export interface StateStore {
  /** Parts of the state, all as of one moment. Null and empty where there is no such pipeline. */
  read<P extends StatePart>(...parts: P[]): Promise<Pick<StateParts, P>>;
  readChunk(id: number): Promise<ChunkRecord | null>;
  readonly parked: ParkedEntries;
  /** False, and nothing is done, where something that the step expects does not hold. */
  commit(step: StateStep): Promise<boolean>;
  /** Makes what the records lie in, where it is missing; several processes may do so at once. */
  prepare(): Promise<void>;
  /** Seconds since 1970, by one clock for all who use the store. */
  clock(): Promise<number>;
  /** Forgets the pipeline. Repeatable. */
  reset(): Promise<void>;
}

/** Read apart from each other, because some is asked for all the time and some grows with the pipeline. */
export interface StateParts {
  pipeline: PipelineRecord | null;
  /** In their order. */
  lanes: LaneRecord[];
  standings: Standing[];
  /** In the order of their names. */
  planned: Planned[];
  sums: Sums;
}

export type StatePart = keyof StateParts;

export interface Standing {
  namespace: string;
  settled: Position;
  ready: boolean;
  linked: boolean;
  /** Chunks are missing. */
  pending: boolean;
}

export interface Planned extends Omit<NamespaceRecord, 'linked'> {
  /** Those that are missing, by their ids. */
  chunks: Chunk[];
  chunksDone: number;
  rowsDone: number;
  rowsFiltered: number;
}

/** By namespace, over all lanes. What a store does not count is left out. */
export interface Sums {
  applied: Record<string, ChangeCounts>;
  filtered: Record<string, ChangeCounts>;
  parked: Record<string, ParkedCounts>;
  discarded: Record<string, ChangeCounts>;
  unmet?: Record<string, ChangeCounts>;
  unmetUnknown?: string[];
}
