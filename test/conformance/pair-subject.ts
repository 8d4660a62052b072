import type { Sink } from '../../shared/connector/sink.ts';
import type { Source } from '../../shared/connector/source.ts';

export type Items = Map<string, string | null>;

export const NO_ITEMS: Items = new Map();

/** A store that is read: of a table with two columns, `id bigint`, which is its key, and `name text`. */
export interface SourceSubject {
  kind: string;
  open: () => Promise<{
    source: (pipeline: string) => Source;
    /** As an application does: a row of that key is there and says so. */
    put: (id: string, name: string | null) => Promise<void>;
    remove: (id: string) => Promise<void>;
    rows: () => Promise<Items>;
    close: () => Promise<void>;
  }>;
}

/** A store that is written, and whose rows can be seen. */
export interface TargetSubject {
  kind: string;
  /** A form that every source of the suite gives. */
  dataType: string;
  open: () => Promise<{
    sink: (pipeline: string) => Sink;
    rows: () => Promise<Items>;
    close: () => Promise<void>;
  }>;
}
