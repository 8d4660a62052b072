import type { ChangeCounts } from '../change/change-counts.ts';
import type { PipelineReport } from './pipeline-report.ts';

/** What a service says of itself, about once a second and whenever it is asked. */
export type ServiceStatus = ReaderStatus | TransformerStatus | WriterStatus | StatsStatus;

interface CommonStatus {
  pipeline: string;
  id: string;
  pid: number;
  atMs: number;
  /** Set while the service waits to try again, or has given up: one sentence. */
  problem: string | null;
}

export interface ReaderStatus extends CommonStatus {
  service: 'source-reader';
  phase: 'starting' | 'snapshotting' | 'streaming' | 'paused' | 'stopped' | 'finished' | 'failed';
  readerEpoch: number;
  copy: Record<string, CopyProgress>;
  /** Changes read since the pipeline was made, by namespace. */
  read: Record<string, ChangeCounts>;
  /** Milliseconds since the source committed the last thing that was read. */
  lagMs: number | null;
  /** Null before the first look, and where nothing is followed. */
  retention: RetentionStatus | null;
}

/** What the source keeps of its log for this pipeline. */
export interface RetentionStatus {
  retainedBytes: number;
  /** Null where nothing limits it, as far as is known. */
  limitBytes: number | null;
  /** Over the last minutes; 0 while it shrinks. */
  growthBytesPerSecond: number;
  /** Until the limit is reached, if it goes on like this. */
  secondsToLimit: number | null;
  /** Set while a person should look: one sentence. */
  warning: string | null;
}

export interface CopyProgress {
  chunksTotal: number;
  chunksDone: number;
  rowsDone: number;
  /** As the source has estimated its chunks; of those that an earlier run copied, by the mean of the others. */
  bytesTotal: number;
  bytesDone: number;
  ready: boolean;
}

export interface TransformerStatus extends CommonStatus {
  service: 'transformer';
  phase: 'starting' | 'running' | 'failed';
  lanes: number[];
  /** Rows and changes that this process has taken through the steps, and those that a step left out. */
  rows: number;
  filtered: number;
}

export interface WriterStatus extends CommonStatus {
  service: 'target-writer';
  phase: 'starting' | 'running' | 'failed';
  lanes: number[];
  /** What a person should look after at the target, a sentence each; nothing waits for it. */
  warnings: string[];
  /** Changes applied and rows copied by this process. */
  changesApplied: number;
  rowsCopied: number;
  /** From commit at the source to commit at the target, of the changes of about the last ten seconds. */
  lagMs: { p50: number; p99: number } | null;
}

export interface StatsStatus extends CommonStatus {
  service: 'stats';
  phase: 'running';
  report: PipelineReport;
}
