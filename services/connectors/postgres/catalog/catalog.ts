import type pg from 'pg';
import type { Relation, RelationPlan, RouteForm } from '../../../../shared/change/relation.ts';
import type { Finding } from '../../../../shared/connector/finding.ts';
import { leftOutFinding } from './left-out-partition.ts';
import { readNeededExtensions } from './needed-extensions.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';
import { describedTable } from './described-table.ts';
import { identityOf, keyForms, relationOf, rowKeys, type TableIdentity } from './relation-shape.ts';
import {
  readTableDetails,
  type CatalogColumn,
  type Leaf,
  type LeafSizes,
  type TableDetail,
} from './table-catalog.ts';
import {
  readStructureMark,
  readTableRecords,
  type LeafValues,
  type RecordedTable,
} from './table-record.ts';
import type { TableDefinition } from './table-definition.ts';
import { listAllTables, listTables, listTablesOf, type ListedTable } from './table-list.ts';
import type { TypeCatalog } from './type-catalog.ts';
import { readTypeCatalog } from './type-catalog.ts';
import { readStable } from './stable-catalog.ts';

export interface ColumnType {
  oid: number;
  typmod: number;
  /** Of values in a key. */
  form: RouteForm | null;
  /** See `TypeCatalog.sentForm`. */
  sent: 'binary' | 'text' | null;
}

/** A table that the pipeline carries, as the source has it now. */
export interface SourceTable extends ListedTable {
  relation: Relation;
  definition: TableDefinition;
  /** Types of `relation.columns`, in their order. */
  columnTypes: ColumnType[];
  /** Where its rows are, as far as they are carried. */
  leaves: Leaf[];
  /** Partitions whose rows are not. */
  leftOut: Leaf[];
  /** Columns of each index that can tell rows apart where the log holds whole rows, the preferred one first. */
  rowKeys: string[][];
  /** What older rows have in columns that came later, by leaf. */
  leafValues: LeafValues[];
  /** All its columns mean the same in binary elsewhere. */
  isBinarySafe: boolean;
  /** Columns that make the changes of all tables text, with their types. */
  textColumns: string[];
  /** The same in terms of all stores. */
  tableSchema: TableSchema;
  /** Why updates and deletes cannot be followed; null where they can. */
  identityProblem: string | null;
}

export interface Catalog {
  tables: SourceTable[];
  findings: Finding[];
  /** Changes of all tables can come in binary: there is one option for the whole stream. */
  isBinarySafe: boolean;
}

/** Reads what the tables of the patterns look like. Patterns that match nothing are findings of level `error`. */
export async function readCatalog(
  client: pg.Client,
  patterns: readonly string[] | undefined,
): Promise<Catalog> {
  const { tables: listed, findings } = await listTables(client, patterns);
  const described = await describeTables(client, listed, 'measured');
  const leftOut = described.tables.flatMap((table) =>
    table.leftOut.map((leaf) => leftOutFinding(table.namespace, leaf)),
  );
  return { ...described, findings: [...findings, ...leftOut] };
}

/** All tables with rows of their own or of their partitions, unlogged ones too. */
export async function readHeldTables(client: pg.Client): Promise<SourceTable[]> {
  const all = await listAllTables(client);
  const held = all.filter(({ kind }) => kind !== 'f');
  return (await describeTables(client, held, 'unknown')).tables;
}

/** One table by its OID; null where it is gone. */
export async function readTable(client: pg.Client, oid: number): Promise<SourceTable | null> {
  const [table] = await readTables(client, [oid]);
  return table ?? null;
}

/** Tables by their OIDs, without those that are gone; all as of one moment. */
export async function readTables(
  client: pg.Client,
  oids: readonly number[],
): Promise<SourceTable[]> {
  // Not in a transaction: it would keep locks from one statement to the next, on what others may be about to alter.
  for (;;) {
    const before = await readStructureMark(client, oids);
    const { tables } = await readStable(async () =>
      describeTables(client, await listTablesOf(client, oids), 'unknown'),
    );
    if ((await readStructureMark(client, oids)) === before) return tables;
  }
}

async function describeTables(
  client: pg.Client,
  listed: readonly ListedTable[],
  sizes: LeafSizes,
): Promise<Omit<Catalog, 'findings'>> {
  const details = await readTableDetails(
    client,
    listed.map((table) => table.oid),
    sizes,
  );
  const records = await readTableRecords(client, [...details.keys()]);
  const extensions = await readNeededExtensions(client, [...details.keys()]);
  const oids = new Set([...details.values()].flatMap((d) => d.columns.map((c) => c.typeOid)));
  const types = await readTypeCatalog(client, [...oids]);
  const found = listed.flatMap((table) => {
    const detail = details.get(table.oid);
    const recorded = records.get(table.oid);
    if (detail === undefined || recorded === undefined) return [];
    return [{ table, detail, recorded, identity: identityOf(table, detail) }];
  });
  const isBinarySafe = found.every(({ detail }) => hasSafeColumns(detail, types));
  const tables = found.map(({ table, detail, recorded, identity }) =>
    toSourceTable(table, detail, recorded, identity, types, isBinarySafe ? 'binary' : 'text'),
  );
  for (const { oid, definition } of tables) definition.extensions = extensions.get(oid) ?? [];
  return { tables, isBinarySafe };
}

/** The plan's view of a table. */
export function relationPlanOf(table: SourceTable): RelationPlan {
  return { relation: table.relation, definition: table.definition };
}

function hasSafeColumns(detail: TableDetail, types: TypeCatalog): boolean {
  return unsafeColumns(detail, types).length === 0;
}

function unsafeColumns({ columns }: TableDetail, types: TypeCatalog): CatalogColumn[] {
  return columns.filter((c) => !c.isGenerated && !types.isBinarySafe(c.typeOid));
}

function toSourceTable(
  table: ListedTable,
  detail: TableDetail,
  { record, leaves }: RecordedTable,
  identity: TableIdentity,
  types: TypeCatalog,
  encoding: 'binary' | 'text',
): SourceTable {
  const forms = keyForms(detail, types);
  return {
    ...table,
    relation: relationOf(table, detail, identity, types, encoding),
    definition: { ...definitionOf(table, detail, types), record },
    leafValues: leaves,
    columnTypes: detail.columns
      .filter((column) => !column.isGenerated)
      .map(({ typeOid: oid, typmod }, i) => ({
        oid,
        typmod,
        form: forms[i]!,
        sent: types.sentForm(oid),
      })),
    leaves: detail.leaves.filter((leaf) => leaf.leftOut === null),
    leftOut: detail.leaves.filter((leaf) => leaf.leftOut !== null),
    rowKeys: rowKeys(detail).map((index) =>
      index.columns.map((number) => detail.columns.find((c) => c.number === number)!.name),
    ),
    isBinarySafe: hasSafeColumns(detail, types),
    textColumns: unsafeColumns(detail, types)
      .filter(({ typeOid }) => types.sentForm(typeOid) === null)
      .map(({ name, type }) => `${name} ${type}`),
    tableSchema: describedTable(table.namespace, detail, identity.index, types),
    identityProblem: identity.problem,
  };
}

function definitionOf(
  table: ListedTable,
  detail: TableDetail,
  types: TypeCatalog,
): TableDefinition {
  return {
    schema: table.schema,
    name: table.name,
    columns: detail.columns.map((column) => ({
      name: column.name,
      type: column.type,
      notNull: column.notNull,
      default: column.default,
      missing: column.missing,
      identity: column.identity,
      generated: column.generated,
      generatedKind: column.generatedKind,
      collation: column.collation,
    })),
    constraints: detail.constraints,
    indexes: detail.indexes
      .filter((index) => !index.hasConstraint && index.isOwn && index.isValid)
      .map(({ name, isUnique, definition }) => ({ name, unique: isUnique, definition })),
    types: types.definitions(detail.columns.map((column) => column.typeOid)),
    sequences: detail.sequences,
    partitionBy: detail.partitionBy,
    partitions: detail.partitions,
    parents: detail.parents,
  };
}
