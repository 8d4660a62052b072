import type { LogicalType } from './logical-type.ts';

/**
 * A table in terms that every store can answer in: what survives between stores of different kinds. What only the same
 * kind of store understands stays beside it, as `native` and as the opaque `definition` of a plan.
 */
export interface TableSchema {
  namespace: string;
  columns: readonly ColumnSchema[];
  /** Names of the columns of its primary key, in its order; empty where it has none. */
  key: readonly string[];
  /** Further sets of columns of which no two rows have the same values. */
  uniques: readonly UniqueSchema[];
  indexes: readonly IndexSchema[];
  comment: string | null;
}

export interface ColumnSchema {
  name: string;
  logical: LogicalType;
  /** The store's own full name of the type; only ever used by the same kind of store. */
  native: string;
  nullable: boolean;
  default: ColumnDefault | null;
  /** The store computes the value itself; it does not travel. */
  generated: boolean;
  comment: string | null;
}

/**
 * `value`: a constant, in the canonical form of the column's type. `now`: the instant of the statement. `identity`: the
 * next number of a sequence; `always`: the store refuses a given one unless it is told otherwise. `native`: an expression
 * that only the same kind of store understands.
 */
export type ColumnDefault =
  | { kind: 'value'; text: string }
  | { kind: 'now' }
  | { kind: 'identity'; always: boolean }
  | { kind: 'native'; expression: string };

export interface UniqueSchema {
  name: string;
  columns: readonly string[];
}

/** `native`: its own store's statement, where columns do not say it all (expressions, predicates, methods). */
export interface IndexSchema {
  name: string;
  columns: readonly string[];
  unique: boolean;
  native: string | null;
}
