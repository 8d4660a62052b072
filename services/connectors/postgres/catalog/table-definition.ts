import type { TableRecord } from './table-record.ts';

/**
 * A table as its source describes it, with all that is needed to create it elsewhere: the `definition` of this
 * connector's `RelationPlan`s. Plain JSON. Every SQL fragment is as PostgreSQL prints it with an empty search_path,
 * so all names in it are qualified.
 */
export interface TableDefinition {
  schema: string;
  name: string;
  /** All columns in order, generated ones too. */
  columns: ColumnDefinition[];
  /** Primary key, unique, foreign, check and exclusion constraints (`pg_get_constraintdef`). */
  constraints: ConstraintDefinition[];
  /** Indexes that belong to no constraint (`pg_get_indexdef`). */
  indexes: { name: string; unique: boolean; definition: string }[];
  /** User-defined types its columns need, in an order in which they can be created. */
  types: TypeDefinition[];
  /** Extensions that it needs, in the order in which they can be created. */
  extensions?: ExtensionDefinition[];
  /** Sequences behind identity columns and `nextval` defaults; those of partitions are with them. */
  sequences: SequenceDefinition[];
  /** `pg_get_partkeydef` of a partitioned table, else null. */
  partitionBy: string | null;
  /** Its partitions, parents first. */
  partitions: PartitionDefinition[];
  /** Of a table that another kind of store described; `column`: null for the table's own. */
  comments?: { column: string | null; text: string }[];
  /** Tables that it inherits from, in their order; not in plans that an earlier version stored. */
  parents?: { schema: string; name: string }[];
  /** What tells it from another table of its name; not in plans that an earlier version stored. */
  record?: TableRecord;
}

export interface ColumnDefinition {
  name: string;
  /** `format_type`, qualified. */
  type: string;
  notNull: boolean;
  /** Expression, or null. */
  default: string | null;
  /** The value that rows older than the column have (`attmissingval`), as text; null if there is none. */
  missing: string | null;
  /** What rows have that are older than the column cannot be told: some came to it in no way that the log shows. */
  unknown?: boolean;
  identity: 'always' | 'by default' | null;
  /** Expression of a stored (or, from 18, virtual) generated column, or null. */
  generated: string | null;
  generatedKind: 'stored' | 'virtual' | null;
  /** Qualified, where it is not the type's own. */
  collation: string | null;
}

export interface ConstraintDefinition {
  name: string;
  kind: 'primary' | 'unique' | 'foreign' | 'check' | 'exclusion';
  definition: string;
  /** Namespace a foreign key points to. */
  references: string | null;
}

export interface TypeDefinition {
  schema: string;
  name: string;
  kind: 'enum' | 'domain' | 'composite' | 'range';
  /** The statement that creates it, without trailing semicolon. */
  create: string;
  /** Of an enum its labels, of a composite its attributes, of a domain its constraints. */
  parts?: TypePart[];
}

export interface TypePart {
  /** Stays when the part is renamed, and no other of the type gets it. */
  id: number;
  text: string;
  /** What follows it in a statement, where it is more than a name. */
  sql?: string;
}

export interface ExtensionDefinition {
  name: string;
  schema: string;
}

export interface SequenceDefinition {
  schema: string;
  name: string;
  /** The column whose default or identity it feeds. */
  column: string;
  /**
   * `serial`: it is owned by the column and goes with it. `standalone`: no column owns it, a default only takes numbers
   * from it. `shared`: so it is with one that another column owns, here or in another table. Plans that an earlier
   * version stored have `serial` for all but identities.
   */
  kind: 'identity' | 'serial' | 'standalone' | 'shared';
  dataType: string;
  /** As text: they may exceed 2^53. */
  start: string;
  increment: string;
  min: string;
  max: string;
  cache: string;
  cycle: boolean;
}

/** One that belongs to no column. */
export type StandaloneSequence = Omit<SequenceDefinition, 'column' | 'kind'>;

export interface PartitionDefinition {
  schema: string;
  name: string;
  parent: { schema: string; name: string };
  /** `FOR VALUES …` or `DEFAULT`. */
  bound: string;
  partitionBy: string | null;
  leftOut?: LeftOut;
  /** Columns that differ from those of its parent in default, NOT NULL, identity or expression. */
  columns?: ColumnDefinition[];
  /** Sequences behind its own columns' identities and defaults. */
  sequences?: SequenceDefinition[];
}

/** Why rows of a table cannot be followed: they are on another server, or their changes are not in the log. */
export type LeftOut = 'foreign' | 'unlogged' | null;

/** What travels beside the log (`SourceSession.sideState`): where sequences stand, and partitions that appeared. */
export interface SideState {
  sequences: {
    schema: string;
    name: string;
    lastValue: string;
    isCalled: boolean;
    /** Of one that belongs to no column: how it is made. */
    definition?: StandaloneSequence;
  }[];
  /** `unsent`: it was attached with rows in it, which the log does not have. */
  partitions: (PartitionDefinition & { unsent?: boolean })[];
}
