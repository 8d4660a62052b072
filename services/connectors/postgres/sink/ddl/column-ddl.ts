import { quoteIdent } from '../../connection/names.ts';
import { sequenceOptions, sequenceSql } from './sequence-ddl.ts';
import type { ColumnDefinition, SequenceDefinition } from '../../catalog/table-definition.ts';

/** A column as CREATE TABLE has it. An identity column's sequence keeps its name unless the table has another one. */
export function toColumnLine(
  column: ColumnDefinition,
  identity: SequenceDefinition | undefined,
  isMoved: boolean,
  serverVersion: number,
): string {
  const parts = [quoteIdent(column.name), column.type];
  if (column.collation !== null) parts.push(`COLLATE ${column.collation}`);
  if (column.generated !== null) parts.push(toGeneratedClause(column, serverVersion));
  else if (column.identity !== null) {
    const options =
      identity === undefined
        ? ''
        : ` (${isMoved ? '' : `SEQUENCE NAME ${sequenceSql(identity)} `}${sequenceOptions(identity)})`;
    parts.push(`GENERATED ${column.identity.toUpperCase()} AS IDENTITY${options}`);
  } else if (column.default !== null) parts.push(`DEFAULT ${column.default}`);
  if (column.notNull) parts.push('NOT NULL');
  return parts.join(' ');
}

export function toGeneratedClause(
  { generated, generatedKind }: ColumnDefinition,
  serverVersion: number,
): string {
  const kind = generatedKind === 'virtual' && serverVersion >= 180000 ? 'VIRTUAL' : 'STORED';
  return `GENERATED ALWAYS AS (${generated}) ${kind}`;
}
