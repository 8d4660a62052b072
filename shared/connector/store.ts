import type { Position } from '../change/position.ts';
import type { Relation } from '../change/relation.ts';
import type { EndOptions } from './end-options.ts';
import type { NetChanges } from './sink.ts';
import type { ChangeReceiver } from './source.ts';

/**
 * A store for programs that keep their own progress, as those do that speak to a connector from outside: read page by
 * page, followed from a position, written without the state of a pipeline. Rows are tuples of text (`data-type.ts`).
 *
 * What is read page by page is of no single instant. Who applies all changes from a position that was taken before the
 * first page ends with what the store holds: every change brings whole rows, and may come again.
 */
export interface Store {
  /** The same for as long as it is the same data. */
  readIdentity(): Promise<string>;
  /** Null where it cannot be read. */
  readonly reader: StoreReader | null;
  /** Null where it cannot be written. */
  readonly writer: StoreWriter | null;
  close(): Promise<void>;
}

export interface StoreOptions extends EndOptions {
  /**
   * For its reader: what a peer was given longer ago than that, on a stream that is still open, it will not ask for again,
   * so the store may forget it. Null: what is asked for when a stream is opened is the only thing that says so.
   */
  confirmAfterMs: number | null;
  /** For its writer: how many writes may run at once. */
  workers: number;
}

export interface StoreReader {
  /** What can be read: namespaces whose rows have a key. */
  list(): Promise<Relation[]>;
  /** One of them, as it is now or was a moment ago; null where there is none of that name. */
  relationOf(namespace: string): Promise<Relation | null>;
  /** Exact, unless that takes long. */
  count(namespace: string): Promise<number>;
  /** Cuts a namespace into slices that can be read at the same time, by several processes. */
  cut(namespace: string): Promise<Slice[]>;
  /** The rows of a slice behind `after`, about `bytes` of them. The same page again for the same `after`. */
  readPage(slice: Slice, after: string | null, bytes: number, signal: AbortSignal): Promise<Page>;
  /**
   * The rows with these keys (`tuple.ts`) in their order, null where there is none; of the columns of `relation`. Left
   * out where rows cannot be found by their keys: then no change comes with unchanged columns.
   */
  readByKeys?(relation: Relation, keys: readonly Buffer[]): Promise<(Buffer | null)[]>;
  /**
   * From now on changes are kept for this reader; returns a position behind which is every one that pages may lack. While
   * nobody reads changes, what was kept before is given up.
   */
  begin(): Promise<UpdatesStart>;
  /**
   * As `SourceSession.streamUpdates`. Whoever asks has everything up to `start`: the store may forget it, and later what
   * `StoreOptions.confirmAfterMs` says. One reader at a time; a later one takes the place of an earlier one, which then
   * fails.
   */
  streamUpdates(start: UpdatesStart, receiver: ChangeReceiver, signal: AbortSignal): Promise<void>;
  /**
   * The same changes once more for somebody who only counts them (rows may be empty), beside those who read them; nothing
   * is kept for it. It fails where the stream of changes does. A watermark comes only where there is no more for now. Ends at once where the store can give them to
   * nobody else for now; left out where it never can.
   */
  countUpdates?(start: UpdatesStart, receiver: ChangeReceiver, signal: AbortSignal): Promise<void>;
}

/** A part of a namespace; means the same to another process. */
export interface Slice {
  namespace: string;
  /** Opaque, of JSON. */
  cursor: unknown;
  /** 0 where it is not known. */
  estimatedRows: number;
}

export interface Page {
  relation: Relation;
  tuples: Buffer[];
  /** Where the next page begins; null at the end. */
  next: string | null;
}

export interface UpdatesStart {
  position: Position;
  /** What the store must know beside the position; opaque, of JSON. */
  memory: unknown;
}

export interface StoreWriter {
  /**
   * How a namespace is written, as it is now or was a moment ago unless asked `anew`; null where there is none. `any`:
   * whatever comes.
   */
  relationOf(namespace: string, anew?: boolean): Promise<Relation | null | 'any'>;
  /**
   * Whole rows of which some columns are unchanged, because nothing was said of them: with NULL there, or with the column's
   * default where it must not be NULL. Throws `DocumentError` where it has none. New bytes.
   */
  fillAbsent(relation: Relation, rows: readonly Buffer[]): Promise<Buffer[]>;
  /** All of it or nothing, and durable; the same again changes nothing. Updates of rows that are not there are dropped. */
  write(changes: NetChanges): Promise<void>;
  /** For a namespace that takes `any`: so many documents and changes came. */
  count(rows: number): Promise<void>;
}
