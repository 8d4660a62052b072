import type { Relation } from '../../../../../shared/change/relation.ts';
import { toColumnLine } from './column-ddl.ts';
import { isShared } from './default-ddl.ts';
import { toIndexStatement } from './moved-definition.ts';
import { quoteIdent, quoteLiteral } from '../../connection/names.ts';
import { toPartitionStatements } from './partition-ddl.ts';
import { toOwnedByStatements, toSequenceStatements } from './sequence-ddl.ts';
import type { ConstraintDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import type { TargetName, TargetNames } from '../target/target-names.ts';

/**
 * The statements that make a table as its source has it, in order: what rows need while they are copied. Some defaults
 * come when all tables are there (`default-ddl.ts`); secondary indexes, further constraints and foreign keys after the copy.
 */
export function toTableStatements(
  definition: TableDefinition,
  relation: Relation,
  names: TargetNames,
  serverVersion: number,
): string[] {
  const target = names.ofTable(definition);
  const isMoved = target.schema !== definition.schema || target.name !== definition.name;
  const lines = [
    ...definition.columns.map((column) =>
      toColumnLine(
        isShared(column.name, definition.sequences) ? { ...column, default: null } : column,
        definition.sequences.find(
          (each) => each.kind === 'identity' && each.column === column.name,
        ),
        isMoved,
        serverVersion,
      ),
    ),
    ...definition.constraints
      .filter((each) => each.kind !== 'foreign' && !isLate(each))
      .map(({ name, definition: text }) => `CONSTRAINT ${quoteIdent(name)} ${text}`),
  ];
  const partitioned =
    definition.partitionBy === null ? '' : ` PARTITION BY ${definition.partitionBy}`;
  return [
    ...toSequenceStatements(definition.sequences),
    `CREATE TABLE ${target.sql} (\n  ${lines.join(',\n  ')}\n)${partitioned}`,
    ...toOwnedByStatements(definition.sequences, target),
    ...definition.partitions.flatMap((partition) =>
      toPartitionStatements(partition, definition, names, serverVersion),
    ),
    ...keyStatement(definition, relation, target),
    ...commentStatements(definition, target),
  ];
}

function commentStatements({ comments = [] }: TableDefinition, { sql }: TargetName): string[] {
  return comments.map(({ column, text }) => {
    const on = column === null ? `TABLE ${sql}` : `COLUMN ${sql}.${quoteIdent(column)}`;
    return `COMMENT ON ${on} IS ${quoteLiteral(text).trim()}`;
  });
}

/** What a constraint that is `NOT VALID` or `NOT ENFORCED` says may not be true of all rows. */
export function isValid(constraint: string): boolean {
  return !/\bNOT (VALID|ENFORCED)$/.test(constraint);
}

/** Added after the copy: what rows of two snapshots could break, what is not true of all rows, what slows copying. */
export function isLate({ kind, definition }: ConstraintDefinition): boolean {
  if (kind === 'primary') return /\bWITHOUT OVERLAPS\)/.test(definition);
  return kind === 'unique' || kind === 'exclusion' || (kind === 'check' && !isValid(definition));
}

/** Where the key is not the primary key: the source's own constraint or index on it, else one of ours. */
function keyStatement(
  definition: TableDefinition,
  relation: Relation,
  target: TargetName,
): string[] {
  if (relation.identity !== 'key') return [];
  const key = relation.key.map((i) => relation.columns[i]!.name);
  const isKey = (text: string): boolean => isOnColumns(text, key);
  const { constraints, indexes } = definition;
  if (constraints.some((each) => each.kind === 'primary' && isKey(each.definition))) return [];
  const unique = constraints.find((each) => each.kind === 'unique' && isKey(each.definition));
  if (unique !== undefined)
    return [
      `ALTER TABLE ${target.sql} ADD CONSTRAINT ${quoteIdent(unique.name)} ${unique.definition}`,
    ];
  const index = indexes.find((each) => each.unique && isKey(each.definition));
  if (index !== undefined) return [toIndexStatement(index, target)];
  return [`CREATE UNIQUE INDEX ON ${target.sql} (${key.map(quoteIdent).join(', ')})`];
}

/** Whether a unique constraint or index, as PostgreSQL prints it, is on exactly these columns and on all rows. */
export function isOnColumns(text: string, columns: readonly string[]): boolean {
  const list =
    /^(?:PRIMARY KEY|UNIQUE|CREATE UNIQUE INDEX .* USING btree) \(((?:"(?:[^"]|"")*"|[^"()])*)\)(.*)$/s.exec(
      text,
    );
  if (list === null || /\bWHERE\b|\bDEFERRABLE\b/.test(list[2]!)) return false;
  const found = list[1]!.match(/"(?:[^"]|"")*"|[^,\s"]+/g) ?? [];
  const bare = found.map((each) =>
    each.startsWith('"') ? each.slice(1, -1).replaceAll('""', '"') : each,
  );
  return bare.length === columns.length && bare.every((each) => columns.includes(each));
}
