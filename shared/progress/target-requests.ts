import type { DesiredState } from './desired-state.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import type { PipelineProgress, PipelineState } from '../connector/sink.ts';

/**
 * What a reader asks of the target through whichever writer answers. The target holds the record of the pipeline;
 * the reader never talks to it itself.
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
  /** Stores the plan and creates what is missing. → null */
  | { op: 'plan'; plan: PipelinePlan; readerEpoch: number }
  /** → null */
  | { op: 'sideState'; state: unknown }
  /** Asks to finish what can be finished, which may take long; the state tells when it is. → null */
  | { op: 'finish' };

export interface TargetAnswers {
  begin: number;
  state: PipelineState | null;
  progress: PipelineProgress | null;
  desire: boolean;
  reset: null;
  plan: null;
  sideState: null;
  finish: null;
}
