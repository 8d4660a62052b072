import type { Position } from '../change/position.ts';
import type { Relation } from '../change/relation.ts';
import type { ChangeCounts } from '../change/change-counts.ts';
import type { Chunk } from '../connector/chunk.ts';
import type { DesiredState } from '../progress/desired-state.ts';

/**
 * What is stored of a pipeline, as records of a few tables. Each record belongs to one pipeline: a store that holds
 * several adds its name to every key. What they mean together is in `stored-pipeline.ts` and the modules beside it; a
 * store only keeps them and changes them by steps (`state-step.ts`).
 */
export interface StateRecords {
  pipeline: PipelineRecord;
  namespace: NamespaceRecord;
  chunk: ChunkRecord;
  lane: LaneRecord;
  parked: ParkedRecord;
}

export type StateTable = keyof StateRecords;

/** One a pipeline. */
export interface PipelineRecord {
  /** Of the layout of all these records: `state-version.ts`. */
  version: number;
  /** Of the last reader that began. */
  readerEpoch: number;
  desired: DesiredState;
  ordering: 'key' | 'transaction';
  /** From here on as in `PipelinePlan`; null before the first plan. */
  identity: string | null;
  start: Position | null;
  snapshot: unknown;
  lanes: number | null;
  /** What the source was last given to keep here: see `KeptState`. */
  kept: unknown;
}

export interface NamespaceRecord {
  namespace: string;
  relation: Relation;
  definition: unknown;
  start: Position;
  settled: Position;
  /** Its copy is in and finished: changes may be applied. */
  ready: boolean;
  /** What it gets when all are ready, such as foreign keys, is there. */
  linked: boolean;
}

export interface ChunkRecord {
  id: number;
  namespace: string;
  chunk: Chunk;
  done: boolean;
  /** A row of it was refused: it is loaded so that this one can be told from the others. */
  careful: boolean;
  batchKey: string | null;
  rows: number | null;
  filtered: number;
}

export interface LaneRecord {
  lane: number;
  epoch: number;
  readerEpoch: number;
  sequence: number;
  position: Position;
  /** The last barrier that it has come to. */
  barrier: Position | null;
  /**
   * Entries may be parked. Every lane says the same, and says it in its own record: the step that moves a lane can expect
   * that it says so no more or not yet.
   */
  parked: boolean;
  /** What a sink whose data is no part of the step must not forget of its last one; not every store keeps it. */
  note?: unknown;
}

/** A net change that was put aside, or a row of the copy: see `connector/parking.ts`. */
export interface ParkedRecord {
  /** From the store, greater than those of all before. It orders the entries of a chain. */
  id: number;
  namespace: string;
  relation: Relation;
  /** What its key is made of: keys compare only where this is the same. */
  shape: string;
  /** What entries of one key have in common (`quarantine/change-unit.ts`); null where a row stands alone. */
  chain: Buffer | null;
  /** That of the second key which a row that moves concerns. */
  also: Buffer | null;
  kind: 'upsert' | 'update' | 'delete' | 'move';
  /** Of a delete, of what a step failed for, and of a move the key that the row had; otherwise the tuple has it. */
  key: Buffer | null;
  tuple: Buffer | null;
  copied: boolean;
  position: Position;
  inserts: number;
  updates: number;
  deletes: number;
  reason: string;
  parkedAt: string;
  /** Of `tuple`, where a step failed for the row: then `key`, `relation` and `chain` are about the row that it would be. */
  source: Relation | null;
  /** In these a row of that key may be, which has to go when the entry is applied. */
  elsewhere: Relation[] | null;
}

/** Counts of a lane and namespace; they are only ever added to. */
export const COUNT_TABLES = ['count', 'filtered'] as const;
export type CountTable = (typeof COUNT_TABLES)[number];
export const COUNTED = ['inserts', 'updates', 'deletes', 'truncates'] as const;

export type StateColumn =
  'text' | 'integer' | 'bigint' | 'boolean' | 'json' | 'position' | 'bytes' | 'instant';

type Columns<T extends StateTable> = {
  [C in Exclude<keyof StateRecords[T], 'note'>]: StateColumn;
};

/** What a store has to hold: the columns of each table and what tells its records apart. */
export const STATE_TABLES: {
  readonly [T in StateTable]: {
    readonly key: readonly (keyof Columns<T>)[];
    readonly columns: Readonly<Columns<T>>;
  };
} = {
  pipeline: {
    key: [],
    columns: {
      version: 'integer',
      readerEpoch: 'bigint',
      desired: 'text',
      ordering: 'text',
      identity: 'text',
      start: 'position',
      snapshot: 'json',
      lanes: 'integer',
      kept: 'json',
    },
  },
  namespace: {
    key: ['namespace'],
    columns: {
      namespace: 'text',
      relation: 'json',
      definition: 'json',
      start: 'position',
      settled: 'position',
      ready: 'boolean',
      linked: 'boolean',
    },
  },
  chunk: {
    key: ['id'],
    columns: {
      id: 'bigint',
      namespace: 'text',
      chunk: 'json',
      done: 'boolean',
      careful: 'boolean',
      batchKey: 'text',
      rows: 'bigint',
      filtered: 'bigint',
    },
  },
  lane: {
    key: ['lane'],
    columns: {
      lane: 'integer',
      epoch: 'bigint',
      readerEpoch: 'bigint',
      sequence: 'bigint',
      position: 'position',
      barrier: 'position',
      parked: 'boolean',
    },
  },
  parked: {
    key: ['id'],
    columns: {
      id: 'bigint',
      namespace: 'text',
      relation: 'json',
      shape: 'text',
      chain: 'bytes',
      also: 'bytes',
      kind: 'text',
      key: 'bytes',
      tuple: 'bytes',
      copied: 'boolean',
      position: 'position',
      inserts: 'bigint',
      updates: 'bigint',
      deletes: 'bigint',
      reason: 'text',
      parkedAt: 'instant',
      source: 'json',
      elsewhere: 'json',
    },
  },
};

export const NO_CHANGES: ChangeCounts = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };

export function addCounts(
  sums: Readonly<Record<string, ChangeCounts>>,
  more: Iterable<readonly [string, ChangeCounts]>,
): Record<string, ChangeCounts> {
  const total = { ...sums };
  for (const [namespace, counts] of more) {
    const had = total[namespace] ?? NO_CHANGES;
    total[namespace] = {
      inserts: had.inserts + counts.inserts,
      updates: had.updates + counts.updates,
      deletes: had.deletes + counts.deletes,
      truncates: had.truncates + counts.truncates,
    };
  }
  return total;
}
