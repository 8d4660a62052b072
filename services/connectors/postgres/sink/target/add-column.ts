import { quoteIdent, quoteLiteral } from '../../connection/names.ts';
import type { ColumnDefinition } from '../../catalog/table-definition.ts';
import type { TargetName } from './target-names.ts';

/** First with what older rows have, which costs no rewrite, then with what new ones get. */
export function toAddColumn(column: ColumnDefinition, name: TargetName, filled: boolean): string[] {
  const alter = `ALTER TABLE ${name.sql}`;
  const quoted = quoteIdent(column.name);
  const parts = [alter, 'ADD COLUMN', quoted, column.type];
  if (column.collation !== null) parts.push(`COLLATE ${column.collation}`);
  const missing = filled ? column.missing : null;
  if (missing !== null) parts.push(`DEFAULT ${quoteLiteral(missing)}::${column.type}`);
  if (column.identity !== null)
    parts.push(`GENERATED ${column.identity.toUpperCase()} AS IDENTITY`);
  if (column.notNull && (!filled || missing !== null)) parts.push('NOT NULL');
  const statements = [parts.join(' ')];
  if (column.identity !== null) return statements;
  if (column.default !== null)
    statements.push(`${alter} ALTER COLUMN ${quoted} SET DEFAULT ${column.default}`);
  else if (missing !== null) statements.push(`${alter} ALTER COLUMN ${quoted} DROP DEFAULT`);
  return statements;
}
