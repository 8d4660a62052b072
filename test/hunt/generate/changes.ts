import type { Statement } from '../hunt-case.ts';
import type { Dice } from './dice.ts';
import type { ColumnDraft, TableDraft } from './draft.ts';
import { quoteIdent } from './names.ts';
import { anyValue, insertRow, keyValue } from './rows.ts';

/** A change of rows as applications make them. */
export function anyChange(dice: Dice, table: TableDraft): Statement {
  if (table.insertsOnly) return insertRow(dice, table);
  return dice.weighted<() => Statement>([
    [8, () => insertRow(dice, table)],
    [8, () => update(dice, table)],
    [3, () => remove(dice, table)],
    [2, () => moveKey(dice, table)],
    [1, () => updateAll(dice, table)],
    [0.5, () => truncate(dice, table)],
  ])();
}

function update(dice: Dice, table: TableDraft): Statement {
  const column = changeable(dice, table);
  if (column === undefined) return insertRow(dice, table);
  return { sql: `UPDATE ${table.sql} SET ${quoteIdent(column.name)} = ${anyValue(dice, column)} WHERE ${oneRow(dice, table)}` }; // prettier-ignore
}

function updateAll(dice: Dice, table: TableDraft): Statement {
  const column = changeable(dice, table);
  if (column === undefined) return remove(dice, table);
  return { sql: `UPDATE ${table.sql} SET ${quoteIdent(column.name)} = ${anyValue(dice, column)}` };
}

function remove(dice: Dice, table: TableDraft): Statement {
  return { sql: `DELETE FROM ${table.sql} WHERE ${oneRow(dice, table)}` };
}

/** To a key that is free, or not; identity that is always generated can only become its default. */
function moveKey(dice: Dice, table: TableDraft): Statement {
  const column = table.key.length > 0 ? dice.pick(table.key) : undefined;
  if (column === undefined) return update(dice, table);
  const value = / ALWAYS AS/.test(column.more)
    ? 'DEFAULT'
    : keyValue(dice, column, (table.keys += 1));
  return { sql: `UPDATE ${table.sql} SET ${quoteIdent(column.name)} = ${value} WHERE ${oneRow(dice, table)}` }; // prettier-ignore
}

function truncate(dice: Dice, table: TableDraft): Statement {
  const how = dice.pick(['', ' CASCADE', ' RESTART IDENTITY', ' RESTART IDENTITY CASCADE']);
  return { sql: `TRUNCATE ${dice.chance(0.2) ? 'ONLY ' : ''}${table.sql}${how}` };
}

function changeable(dice: Dice, table: TableDraft): ColumnDraft | undefined {
  const columns = table.columns.filter(
    (column) => column.insert !== 'never' && !table.key.includes(column) && !/IDENTITY/.test(column.more), // prettier-ignore
  );
  return columns.length === 0 ? undefined : dice.pick(columns);
}

/** The nth row in the order of its key: the same one whenever it is asked. */
function oneRow(dice: Dice, table: TableDraft): string {
  const { key, sql } = table;
  const nth = `LIMIT 1 OFFSET ${dice.below(6)}`;
  if (key.length === 0) return `ctid = (SELECT ctid FROM ${sql} ORDER BY ctid ${nth})`;
  const columns = key.map(({ name }) => quoteIdent(name)).join(', ');
  return `(${columns}) = (SELECT ${columns} FROM ${sql} ORDER BY ${columns} ${nth})`;
}
