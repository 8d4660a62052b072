import { MAX_WORKERS } from './pipeline-defaults.ts';
import { availableParallelism } from 'node:os';
import type { Secret } from './secret.ts';
import type { TransformStep } from './transform-step.ts';

/** A pipeline file, read and checked: everything a service needs to know of its pipeline. */
export interface PipelineSpec {
  name: string;
  mode: 'snapshot+changes' | 'snapshot' | 'changes';
  source: {
    url: Secret;
    /** Globs; undefined is every namespace the connector can carry. */
    namespaces: readonly string[] | undefined;
    retention: RetentionPolicy;
    /** What a copy does where a statement such as ALTER TABLE waits for the tables that it reads. */
    onWaitingDdl: WaitingDdlPolicy;
  };
  target: { url: Secret; create: 'missing' | 'never' };
  /** Source namespace to target namespace, where they differ. */
  map: Readonly<Record<string, string>>;
  /** Which types hold what at the target, by column or by type: see `TypeOverrides`. */
  types: Readonly<Record<string, string>>;
  /** `transaction`: whole transactions in commit order, through one lane. `key`: each key's changes in order. */
  order: Order;
  /** Of the changes. */
  lanes: number;
  /** Ways for the chunks of the copy, which need no order. */
  copyLanes: number;
  /** target-writer processes that `weir run` starts. */
  writers: number;
  /** Writes at once in each target-writer. */
  workers: number;
  /** Chunks that the source-reader reads at once. */
  readers: number;
  onBadRow: 'stop' | 'park';
  /** In their order. */
  transforms: readonly TransformStep[];
  /** transformer processes that `weir run` starts, where there are transforms. */
  transformers: number;
  /** Null: no server was named, neither in the file nor in WEIR_NATS_URL. */
  nats: { url: Secret | null };
}

/** What is done about a source that keeps its log for this pipeline and may run out of room for it. */
export interface RetentionPolicy {
  /** Null: only what the store itself allows. */
  limitBytes: number | null;
  /** `keep`: warn and keep the position. `stop`: give the position up, so that the source can free its log. */
  onLimit: 'keep' | 'stop';
  /** Warn when a limit would be reached within this time. */
  warnWithinMs: number;
}
/** `giveWay`: lets it through, and reads again what it changed. `wait`: lets it wait until everything is copied. */
export type WaitingDdlPolicy = 'giveWay' | 'wait';

export type Order = 'key' | 'transaction';

/** With `order: transaction` the changes have one lane, and the copy need not. */
export const COPY_LANES = 4;

/** A write mostly waits for the target, so more of them than cores pay; a small machine still gets one a lane. */
export function defaultWorkers(cores = availableParallelism()): number {
  return Math.min(MAX_WORKERS, Math.max(4, 2 * cores));
}
