import { partTarget } from '../../../../shared/change/namespace-part.ts';
import type { Column, Relation } from '../../../../shared/change/relation.ts';
import type { ColumnSchema, TableSchema } from '../../../../shared/schema/table-schema.ts';
import { columnDefault } from './column-default.ts';
import { isTableName, parseNamespace, quoteIdent, type TableName } from '../connection/names.ts';
import type { ColumnDefinition, TableDefinition } from './table-definition.ts';

/**
 * The table of a relation that no PostgreSQL has described: its columns and key, and where its source tells them what may
 * not be NULL, defaults, unique constraints, indexes and comments. The types are those of the relation, as they are here.
 */
export function madeDefinition(relation: Relation, schema?: TableSchema): TableDefinition {
  const part = partTarget(relation.namespace);
  const { schema: inSchema, table } = sourceName(part ?? relation.namespace);
  const key = relation.key.map((column) => relation.columns[column]!.name);
  const has = (columns: readonly string[]): boolean =>
    columns.length > 0 &&
    columns.every((name) => relation.columns.some((column) => column.name === name));
  const constraints: TableDefinition['constraints'] = [];
  if (key.length > 0)
    constraints.push({
      ...{ name: `${table}_pkey`, kind: 'primary', references: null },
      definition: `PRIMARY KEY (${listOf(key)})`,
    });
  for (const { name, columns } of schema?.uniques ?? [])
    if (has(columns))
      constraints.push({
        ...{ name, kind: 'unique', references: null },
        definition: `UNIQUE (${listOf(columns)})`,
      });
  const indexes = (schema?.indexes ?? []).filter(
    ({ native, columns }) => native === null && has(columns),
  );
  const comments = commentsOf(relation, schema);
  return {
    // What a transformer divides, and what other stores have, need not be named as a table is (`TargetNames.ofTable`).
    ...(part === null && inSchema !== ''
      ? { schema: inSchema, name: table }
      : { schema: '', name: relation.namespace }),
    columns: relation.columns.map((column, place) =>
      toColumn(
        column,
        relation.key.includes(place),
        schema?.columns.find(({ name }) => name === column.name),
      ),
    ),
    constraints,
    // As PostgreSQL prints one; whose table it is on is told where it is made.
    indexes: indexes.map(({ name, columns, unique }) => ({
      ...{ name, unique },
      definition: `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteIdent(name)} ON ${quoteIdent(inSchema)}.${quoteIdent(table)} USING btree (${listOf(columns)})`,
    })),
    ...{ types: [], sequences: [], partitionBy: null, partitions: [] },
    ...(comments.length > 0 && { comments }),
  };
}

function listOf(columns: readonly string[]): string {
  return columns.map(quoteIdent).join(', ');
}

const NUMBERED = new Set(['smallint', 'integer', 'bigint']);

function toColumn(
  { name, type }: Column,
  isKey: boolean,
  told: ColumnSchema | undefined,
): ColumnDefinition {
  const given = told?.default ?? null;
  const isNumbered = given?.kind === 'identity' && NUMBERED.has(type);
  return {
    ...{ name, type, notNull: isKey || told?.nullable === false || isNumbered },
    // Values are given, and given ones are taken.
    ...{ default: columnDefault(given), identity: isNumbered ? 'by default' : null, missing: null },
    ...{ generated: null, generatedKind: null, collation: null },
  };
}

function commentsOf(
  { columns }: Relation,
  schema: TableSchema | undefined,
): NonNullable<TableDefinition['comments']> {
  const known = (schema?.columns ?? []).filter(({ name }) =>
    columns.some((column) => column.name === name),
  );
  return [
    { column: null, text: schema?.comment ?? null },
    ...known.map(({ name, comment }) => ({ column: name, text: comment })),
  ].flatMap(({ column, text }) => (text === null ? [] : [{ column, text }]));
}

/** What a source told of a table and is not made here, a part of a sentence each. */
export function leftBehind(schema: TableSchema): string[] {
  return [
    ...schema.columns.flatMap(({ name, default: given, generated }) => [
      ...(given?.kind === 'native' ? [`the default of ${name}, which only its own store understands`] : []),
      ...(generated ? [`how ${name} is computed`] : []),
    ]), // prettier-ignore
    ...schema.indexes.flatMap(({ name, native }) =>
      native === null ? [] : [`the index ${name}, which only its own store can make`],
    ),
  ];
}

function sourceName(namespace: string): TableName {
  return isTableName(namespace) ? parseNamespace(namespace) : { schema: '', table: namespace };
}
