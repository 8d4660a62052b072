import type { Relation } from '../../../shared/change/relation.ts';
import { toIndexStatement } from './moved-definition.ts';
import { quoteIdent } from './names.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  SequenceDefinition,
  StandaloneSequence,
  TableDefinition,
  PartitionDefinition,
} from './table-definition.ts';
import type { TargetName, TargetNames } from './target-names.ts';

/**
 * The statements that make a table as its source has it, in order: what rows need while they are copied. Secondary
 * indexes, further constraints and foreign keys come after the copy.
 */
export function toTableStatements(
  definition: TableDefinition,
  relation: Relation,
  names: TargetNames,
  serverVersion: number,
): string[] {
  const target = names.ofTable(definition);
  const isMoved = target.schema !== definition.schema || target.name !== definition.name;
  const serials = definition.sequences.filter((sequence) => sequence.kind === 'serial');
  const lines = [
    ...definition.columns.map((column) =>
      toColumnLine(
        column,
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
    ...serials.map((sequence) => toSequenceStatement(sequence, sequenceSql(sequence))),
    `CREATE TABLE ${target.sql} (\n  ${lines.join(',\n  ')}\n)${partitioned}`,
    ...serials
      .filter((sequence) => sequence.schema === target.schema)
      .map(
        (sequence) =>
          `ALTER SEQUENCE ${sequenceSql(sequence)} OWNED BY ${target.sql}.${quoteIdent(sequence.column)}`,
      ),
    ...definition.partitions.map((partition) => toPartitionStatement(partition, definition, names)),
    ...keyStatement(definition, relation, target),
  ];
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

export function toColumnLine(
  column: ColumnDefinition,
  identity: SequenceDefinition | undefined,
  isMoved: boolean,
  serverVersion: number,
): string {
  const parts = [quoteIdent(column.name), column.type];
  if (column.collation !== null) parts.push(`COLLATE ${column.collation}`);
  if (column.generated !== null) {
    const kind =
      column.generatedKind === 'virtual' && serverVersion >= 180000 ? 'VIRTUAL' : 'STORED';
    parts.push(`GENERATED ALWAYS AS (${column.generated}) ${kind}`);
  } else if (column.identity !== null) {
    const options =
      identity === undefined
        ? ''
        : ` (${isMoved ? '' : `SEQUENCE NAME ${sequenceSql(identity)} `}${sequenceOptions(identity)})`;
    parts.push(`GENERATED ${column.identity.toUpperCase()} AS IDENTITY${options}`);
  } else if (column.default !== null) parts.push(`DEFAULT ${column.default}`);
  if (column.notNull) parts.push('NOT NULL');
  return parts.join(' ');
}

export function toPartitionStatement(
  partition: PartitionDefinition,
  root: Pick<TableDefinition, 'schema' | 'name'>,
  names: TargetNames,
): string {
  const { parent } = partition;
  const isRoot = parent.schema === root.schema && parent.name === root.name;
  const above = isRoot ? names.ofTable(root) : names.ofPartition(parent, root);
  const below = partition.partitionBy === null ? '' : ` PARTITION BY ${partition.partitionBy}`;
  return `CREATE TABLE ${names.ofPartition(partition, root).sql} PARTITION OF ${above.sql} ${partition.bound}${below}`;
}

export function sequenceSql(sequence: Pick<SequenceDefinition, 'schema' | 'name'>): string {
  return `${quoteIdent(sequence.schema)}.${quoteIdent(sequence.name)}`;
}

export function toSequenceStatement(sequence: StandaloneSequence, sql: string): string {
  return `CREATE SEQUENCE IF NOT EXISTS ${sql} AS ${sequence.dataType} ${sequenceOptions(sequence)}`;
}

function sequenceOptions(sequence: StandaloneSequence): string {
  return `INCREMENT BY ${sequence.increment} MINVALUE ${sequence.min} MAXVALUE ${sequence.max} START WITH ${sequence.start} CACHE ${sequence.cache} ${sequence.cycle ? 'CYCLE' : 'NO CYCLE'}`;
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
