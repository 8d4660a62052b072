import type { RelationPlan } from '../change/relation.ts';
import type { Finding } from '../connector/finding.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import type { ChunkHead, LaneBatch } from '../connector/sink.ts';
import type { Barrier } from '../change/barrier.ts';
import type { StateStore } from './state-store.ts';

/**
 * What is left of a sink that is about rows; plan, chunks, lanes, epochs, barriers and counts are kept for it by
 * `sinkOver`. Whatever is written here may be written twice where it lies in no transaction with the state, so it must
 * come to the same.
 */
export interface RowSink extends RowWriter {
  /** As `Sink.check`. */
  check(relations: readonly RelationPlan[]): Promise<Finding[]>;
  /**
   * Makes what the namespaces of a plan need, and empties those that restart. `known` is null for a pipeline that has no
   * plan yet. Returns as `Sink.savePlan`.
   */
  prepare(plan: PipelinePlan, known: ReadonlySet<string> | null): Promise<readonly string[]>;
  /** Makes what waits until the copy is in; left out where there is nothing of the kind. Repeatable. */
  finish?(namespace: string): Promise<void>;
  /**
   * Somebody may have died between what he wrote and what makes it count: does what he left. Called when a lane is
   * opened, a plan is saved, or namespaces have become ready.
   */
  recover?(): Promise<void>;
  /**
   * For a store that holds the state as well: what is written and what is committed by what `work` is given is there as
   * one, or not at all where it throws.
   */
  transaction?<T>(work: (inside: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Transaction {
  state: StateStore;
  rows: RowWriter;
}

export interface RowWriter {
  /** Puts a chunk's rows into the store; as for `Sink.writeData`. Returns when they are durable, or in the transaction. */
  load(chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<void>;
  /** The chunk is marked: it counts from now on. Left out where rows count as soon as they are there. */
  count?(chunk: ChunkHead): Promise<void>;
  /**
   * Applies net changes. What it returns, a list or nothing, is kept with the lane, and given to `applied` once the lane
   * has moved. `part` tells several writes apart that are not the whole of a batch; what is written once more after a crash
   * has the same again.
   */
  apply(batch: LaneBatch, part?: string): Promise<readonly unknown[] | undefined | void>;
  applied?(notes: readonly unknown[]): Promise<void>;
  /** Carries out a barrier but for what the state must know of it. */
  runBarrier(batch: LaneBatch, barrier: Barrier, part?: string): Promise<void>;
}
