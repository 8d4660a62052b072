import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { CheckResult, VerifyResult } from './api/answers.ts';

/**
 * What control needs of the machine it runs on: whatever takes connectors or processes. Control itself only knows what
 * services say of themselves.
 */
export interface Host {
  /** Throws CONFIG_INVALID with everything that is wrong in the file. */
  parse(text: string, file: string): PipelineSpec;
  check(spec: PipelineSpec): Promise<CheckResult>;
  /** Starts all services of the pipeline; null where this control is not to start any. */
  readonly run: ((file: string, spec: PipelineSpec, onLog: LogLine) => RunningPipeline) | null;
  /** Compares both ends, telling each namespace when it is through. */
  verify(
    spec: PipelineSpec,
    onNamespace: (each: VerifyResult['namespaces'][number]) => void,
    options: { settleMs: number; signal: AbortSignal },
  ): Promise<VerifyResult>;
  /** Removes what the pipeline created at both ends and in the broker; the data stays. Only while nothing of it runs. */
  reset(spec: PipelineSpec): Promise<void>;
  /** The same by the services of a pipeline that is paused or stopped. */
  resetByServices(pipeline: string): Promise<void>;
}

export type LogLine = (line: string) => void;

export interface RunningPipeline {
  /** How it ended by itself, or was ended as somebody wanted it at its target. */
  readonly ended: Promise<RunEnd>;
  stop(): Promise<void>;
}

export interface RunEnd {
  how: 'stopped' | 'finished' | 'failed' | 'reset';
  /** A sentence, where it failed. */
  reason: string | null;
}
