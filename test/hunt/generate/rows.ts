import type { Statement } from '../hunt-case.ts';
import type { Dice } from './dice.ts';
import type { ColumnDraft, TableDraft } from './draft.ts';
import { literalOf, quoted } from './value-type.ts';

/** One row with a key that no row had before, unless chance wants it so. */
export function insertRow(dice: Dice, table: TableDraft): Statement {
  const n = ++table.keys;
  const cells: [string, string][] = [];
  let overriding = '';
  for (const column of table.columns) {
    if (column.insert === 'never') continue;
    const isKey = table.key.includes(column);
    if (column.insert === 'may' && dice.chance(isKey ? 0.7 : 0.3)) continue;
    if (/ALWAYS AS IDENTITY/.test(column.more)) overriding = ' OVERRIDING SYSTEM VALUE';
    cells.push([column.name, isKey ? keyValue(dice, column, n) : anyValue(dice, column)]);
  }
  return { sql: `INSERT INTO ${table.sql}`, cells, tail: overriding };
}

export function keyValue(dice: Dice, { type }: ColumnDraft, n: number): string {
  // Columns of one key mostly take few values each, so that they matter together.
  return quoted(type.key?.(dice.chance(0.1) ? dice.between(1, n) : n) ?? type.text(dice));
}

export function anyValue(dice: Dice, column: ColumnDraft): string {
  if (column.nullable && dice.chance(0.15)) return 'NULL';
  return literalOf(column.type, dice);
}
