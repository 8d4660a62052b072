import type { LogicalType } from '../schema/logical-type.ts';
import type { TableSchema } from '../schema/table-schema.ts';

/**
 * The shape of a namespace as the data that travels needs it: what the values of a tuple are, and what tells one
 * row from another. Travels inside every frame that carries changes, so that a frame explains itself.
 */
export interface Relation {
  /** The source's name of it, e.g. `public.orders`. Renaming (`map`) is the sink's business. */
  namespace: string;
  /** In the order of the values in a tuple. Columns the store computes itself are left out. */
  columns: Column[];
  /** Indexes into `columns` of what identifies a row; empty unless `identity` is `key`. */
  key: number[];
  identity: Identity;
  /** `key`: changes spread over the lanes by key. `namespace`: they all take one lane, in source order. */
  order: 'key' | 'namespace';
  /**
   * What the lane of a row follows from where `order` is `key`, whatever form its values travel in; none of it: they all
   * take one lane. Left out, it is the key as it is encoded. Changes of it take effect where all lanes meet only, since
   * where a lane stands tells what it has by the rule of then.
   */
  route?: RoutePart[];
  /** The target need not have all rows of the source, as a transformer leaves some out or sends them elsewhere. */
  sparse?: true;
  /** Equal keys may differ in bytes, as 1.0 and 1.00 do; left out where bytes tell. */
  looseKey?: true;
  /**
   * In the plan at the target only: what the source calls this and has in it, where a transformer makes other rows of
   * it. The columns, key and definition beside it are those that the target gets.
   */
  origin?: RelationPlan;
}

/** A column of the key (of the whole row where rows have none) whose value has a part in choosing the lane. */
export interface RoutePart {
  /** Index into `Relation.columns`. */
  column: number;
  form: RouteForm;
}

/**
 * The normal form of a value of a key (`shared/row/key-form`): values that are equal to their store have the same bytes
 * in it, however they travel. Closed, and what a name means never changes: the plan records it, and a value must come
 * to the same lane in every version. Another rule gets another name, and the state another version (`state-version.ts`).
 */
export const ROUTE_FORMS = [
  ...(['same', 'bool', 'int2', 'int4', 'int8', 'oid', 'uuid'] as const),
  ...(['bytea', 'date', 'time', 'timestamp', 'macaddr'] as const),
  ...(['numeric', 'float4', 'float8', 'timetz', 'inet', 'cidr'] as const),
  ...(['trimmed', 'caseless', 'bson'] as const),
] as const;
export type RouteForm = (typeof ROUTE_FORMS)[number];

/**
 * `key`: rows are told apart by `Relation.key`.
 * `row`: by all their values; equal rows are interchangeable (a multiset).
 * `none`: not at all; only inserts can be followed.
 */
export type Identity = 'key' | 'row' | 'none';

export interface Column {
  name: string;
  /** The store's own full name of the type, e.g. `numeric(10,2)`; only the same kind of store may use it as it is. */
  type: string;
  /** What values it holds, where that is no standard name that says it (`parseTypeName`): see `logicalOf`. */
  logical?: LogicalType;
  /** How values are encoded: the store's binary form of `type`, or its text form in UTF-8. */
  encoding: 'binary' | 'text';
}

/**
 * A relation with all that a sink of the same kind needs to create it; `definition` is opaque to the core. Null where
 * the source has none: the sink then makes do with columns and key (see `data-type.ts`).
 */
export interface RelationPlan {
  relation: Relation;
  definition: unknown;
  /** The same in terms that a sink of another kind understands, where the source gives it. */
  tableSchema?: TableSchema;
}
