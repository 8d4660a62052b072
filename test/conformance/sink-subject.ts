import type { RelationPlan } from '../../shared/change/relation.ts';
import type { SinkCapabilities } from '../../shared/connector/connector.ts';
import type { Sink } from '../../shared/connector/sink.ts';

/** A kind of store as the suite meets it. */
export interface SinkSubject {
  kind: string;
  can: SinkCapabilities;
  /** An empty store. */
  open: () => Promise<OpenStore>;
}

export interface OpenStore {
  /** Of a table with two columns, `id bigint` and `name text`, whose key is the first. */
  plan: RelationPlan;
  /** A form of tuples that the store takes. */
  dataType: string;
  /** A sink of the same pipeline, as one more process has it. */
  sink(): Sink;
  /** What the table holds, by key; null where rows are not kept. */
  rows: (() => Promise<Map<string, string | null>>) | null;
  close(): Promise<void>;
}
