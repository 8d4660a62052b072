import type { EndOptions, RowReaderOptions, SinkOptions } from './end-options.ts';
import type { Source } from './source.ts';
import type { Sink } from './sink.ts';
import type { Store, StoreOptions } from './store.ts';
import type { RowReader } from './row-reader.ts';
import type { Verifier } from './verifier.ts';

/**
 * What a store offers to Weir: the shape of `adiom.v1.ConnectorService` (GetInfo, GeneratePlan, ListData,
 * StreamUpdates, WriteData, WriteUpdates) inside one process, with what the promises need on top: positions that
 * compare, progress in the target's own transactions, and preflight checks.
 *
 * A new store is one new folder under `services/connectors` and one line in its registry.
 */
export interface Connector {
  getInfo(): ConnectorInfo;
  /** Opens nothing yet: connections are made by the methods of what is returned. */
  createSource?(options: EndOptions): Source;
  createSink?(options: SinkOptions): Sink;
  /** For programs outside of pipelines: `weir connector serve`. */
  createStore?(options: StoreOptions): Store;
  /** For `weir verify`; compares two ends of this same kind of store. */
  createVerifier?(options: EndOptions): Verifier;
  /** For `weir verify` against a store of another kind. */
  createRowReader?(options: RowReaderOptions): RowReader;
}

export interface ConnectorInfo {
  /** The kind of store, e.g. `postgres`. */
  kind: string;
  /** Forms of data it can be read in, best first; the pair takes the first that the target takes too. */
  gives: string[];
  /** Forms of data it can be written in. */
  takes: string[] | 'any';
  /** Of a sink: rows of one namespace may go to several (`ChunkHead.spread`). */
  spreads?: true;
  /** Of a sink: it makes columns of types of its own, so that `types` of the pipeline file may say which. */
  makesTypes?: true;
  /** Of a store that can be read. */
  source?: SourceCapabilities;
  /** Of a store that can be written. */
  sink?: SinkCapabilities;
}

/** What a store can do as a source; whoever would assume it asks here. */
export interface SourceCapabilities {
  /**
   * How the chunks of a copy are of one instant. `exported`: several connections read in one snapshot. `single`: one
   * connection has it, so chunks are read one after the other. `none`: each is as the store was when it was read.
   */
  snapshot: 'exported' | 'single' | 'none';
  /**
   * `log`: a position is a place in the store's log, and means the same to every session. `checkpoint`: it means nothing
   * beyond its session; the target keeps a checkpoint, and after a restart changes since the last one come once more.
   */
  positions: 'log' | 'checkpoint';
}

/** What a store can do as a sink. */
export interface SinkCapabilities {
  /**
   * Where the pipeline's progress is. `transaction`: it moves in that of the data. `listed`: data counts once it is listed,
   * after the progress, and what is written again takes the place of what it was. `apart`: what was interrupted between
   * data and progress is written again.
   */
  state: 'transaction' | 'listed' | 'apart';
  /** `transactional`: what makes, alters and empties tables is undone with its transaction; `apart`: it never is. */
  ddl: 'transactional' | 'apart';
  /** `counted`: rows are counted and thrown away. */
  rows: 'kept' | 'counted';
  /** Rows can be read again by their keys. */
  readsBack: boolean;
}
