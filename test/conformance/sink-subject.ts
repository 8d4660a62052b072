import type { RelationPlan } from '../../shared/change/relation.ts';
import type { SinkCapabilities } from '../../shared/connector/connector.ts';
import type { SinkOptions } from '../../shared/connector/end-options.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { RowReader } from '../../shared/connector/row-reader.ts';
import type { Sink } from '../../shared/connector/sink.ts';

/** A kind of store as the suite meets it. */
export interface SinkSubject {
  kind: string;
  can: SinkCapabilities;
  /** It can be told of no table that is emptied, so a copy that starts again comes on top of the rows that are there. */
  emptiesNothing?: true;
  /** Types of which it keeps the values; null where it keeps none, or none can be read again. */
  types: 'all' | readonly string[] | null;
  /** An empty store. */
  open: () => Promise<OpenStore>;
}

export type SinkTraits = Partial<Pick<SinkOptions, 'onBadRow' | 'retrySteps'>>;

export const FORBIDDEN = 'forbidden';

export interface OpenStore {
  /** Of a table with two columns, `id bigint` and `name text`, whose key is the first. */
  plan: RelationPlan;
  /** A form of tuples that the store takes. */
  dataType: string;
  /** A sink of the same pipeline, as one more process has it. */
  sink(traits?: SinkTraits): Sink;
  /** Makes the store refuse rows whose name is `FORBIDDEN`, and take them again; null where it takes whatever comes. */
  refusing: { forbid: () => Promise<void>; allow: () => Promise<void> } | null;
  /** What the table holds, by key; null where rows are not kept. */
  rows: (() => Promise<Map<string, string | null>>) | null;
  /** What `weir verify` reads it by; left out where there is nothing of the kind. */
  reader?: () => Promise<RowReader> | RowReader;
  /** Makes tables that a pipeline does not make there. */
  makeTables?: (relations: readonly Relation[]) => Promise<void>;
  close(): Promise<void>;
}
