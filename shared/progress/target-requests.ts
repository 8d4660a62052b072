import type { DesiredState } from './desired-state.ts';
import type { ParkedEntry, ParkedRow, ParkedSelection, ReplayStep } from '../connector/parking.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import type { PipelineProgress, PipelineState } from '../connector/sink.ts';

/**
 * What a reader, or a person's command, asks of the target through whichever writer answers. The target holds the
 * record of the pipeline; nobody but writers talks to it.
 */
export type TargetRequest =
  /** A reader takes over: earlier reader epochs are refused from now on. → `number`, its epoch */
  | { op: 'begin' }
  /** → `PipelineState | null` */
  | { op: 'state' }
  /** → `PipelineProgress | null` */
  | { op: 'progress' }
  /** → `boolean`: false where the target knows no such pipeline yet */
  | { op: 'desire'; desired: DesiredState }
  /** Removes the state of a pipeline that is to be idle, else ALREADY_RUNNING; everybody is told. → null */
  | { op: 'reset' }
  /** Stores the plan and creates what is missing. → `string[]`, see `Sink.savePlan` */
  | { op: 'plan'; plan: PipelinePlan; readerEpoch: number }
  /** → null */
  | { op: 'sideState'; state: unknown }
  /** → `string[]`, see `Sink.readTogether` */
  | { op: 'together' }
  /** → `string[]`: how the target's structure differs from what the pipeline has written there, a sentence each */
  | { op: 'differences' }
  /** Asks to finish what can be finished, which may take long; the state tells when it is. → null */
  | { op: 'finish' }
  /** → `ParkedEntry[]`, at most a page of them behind `after` */
  | { op: 'parked'; selection: ParkedSelection; after: number }
  /** → `ParkedRow | null` */
  | { op: 'showParked'; id: number }
  /** → `ReplayStep` */
  | { op: 'replay'; selection: ParkedSelection; after: number; until: number | null }
  /** → `number` of entries dropped */
  | { op: 'discard'; selection: ParkedSelection };

export interface TargetAnswers {
  begin: number;
  state: PipelineState | null;
  progress: PipelineProgress | null;
  desire: boolean;
  reset: null;
  plan: readonly string[];
  sideState: null;
  together: readonly string[];
  differences: string[];
  finish: null;
  parked: ParkedEntry[];
  showParked: ParkedRow | null;
  replay: ReplayStep;
  discard: number;
}
