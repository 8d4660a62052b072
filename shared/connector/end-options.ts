import type { RetrySteps } from './parking.ts';
import type { PipelinePlan } from './plan.ts';

export interface EndOptions {
  /** The pipeline's name; whatever the connector creates in the store is named after it. */
  pipeline: string;
  /** With secrets in it: never log, never put into an error. */
  url: string;
  log: ConnectorLog;
}

/** Of a reader for `weir verify`. */
export interface RowReaderOptions extends EndOptions {
  /** What the pipeline carries; see the pipeline file. */
  mode: 'snapshot+changes' | 'snapshot' | 'changes';
  /** The plan that the target has stored of the pipeline; null where there is none yet. */
  readPlan: () => Promise<PipelinePlan | null>;
}

export interface SinkOptions extends EndOptions {
  /** `missing`: create what is missing. `never`: refuse. */
  create: 'missing' | 'never';
  /** False where nothing is copied (`mode: changes`): then what is there may hold rows. Left out, it is. */
  copies?: boolean;
  /** Source namespace to target namespace, where they differ. */
  map: Readonly<Record<string, string>>;
  /** `types` of the pipeline file: see `TypeOverrides`. */
  types?: Readonly<Record<string, string>>;
  /** Of a command: state that an earlier version stored is read and stays in its form. A service brings it up to date. */
  keepsStoredForm?: boolean;
  /** Of the changes; see the pipeline file. */
  order: 'key' | 'transaction';
  /** How many writes may run at once in this process. */
  workers: number;
  /** Where state is kept on this machine, for a store that cannot hold it itself. */
  stateFolder: string;
  /** A row that the store refuses: `stop` ends in ROW_REFUSED, `park` puts it aside and goes on. */
  onBadRow: 'stop' | 'park';
  /** For parked rows that a step of the transforms failed for; left out, they stay. */
  retrySteps?: RetrySteps;
}

/** The part of a logger that connectors use (pino's has it). */
export interface ConnectorLog {
  debug(data: object, message: string): void;
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
}
