import type { ErrorCode } from '../errors/codes.ts';
import type { RetrySteps } from './parking.ts';
import type { NotCarried, Source } from './source.ts';
import type { Sink } from './sink.ts';
import type { Store, StoreOptions } from './store.ts';
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
  /** What is left of what is written; `rows` where it is not said. */
  keeps?: 'rows' | 'counts';
  /**
   * Of a source. `opaque`: positions mean nothing beyond a session, so after a restart changes since the last kept cursor
   * come once more; `log` where it is not said.
   */
  positions?: 'log' | 'opaque';
  /**
   * Of a sink. `apart`: data is written before the progress, so what was interrupted between the two is written again;
   * `together`, in one transaction, where it is not said.
   */
  commits?: 'together' | 'apart';
}

export interface EndOptions {
  /** The pipeline's name; whatever the connector creates in the store is named after it. */
  pipeline: string;
  /** With secrets in it: never log, never put into an error. */
  url: string;
  log: ConnectorLog;
}

export interface SinkOptions extends EndOptions {
  /** `missing`: create what is missing. `never`: refuse. */
  create: 'missing' | 'never';
  /** Source namespace to target namespace, where they differ. */
  map: Readonly<Record<string, string>>;
  /** `types` of the pipeline file: see `TypeOverrides`. */
  types?: Readonly<Record<string, string>>;
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

/** One result of a preflight check. */
export interface Finding {
  level: 'error' | 'warning' | 'ok';
  /** What it is about: a server, a setting, a namespace. */
  subject: string;
  /** One sentence: what was found and, unless `ok`, what to do about it. */
  message: string;
  /** What a start would end with because of it. */
  code?: ErrorCode;
  /** The target's structure does not fit what this pipeline has written there already. */
  differs?: true;
  /** Of what the message sums up. */
  details?: NotCarried[];
}
