import type { ColumnDraft, Draft, TableDraft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import { anyColumn, columnName } from '../table.ts';
import { ORDINARY_TYPES } from '../value-type.ts';
import type { Feature } from './feature.ts';
import { plainTable } from './key-features.ts';

const INTEGER = ORDINARY_TYPES[0]!;
const TEXT = ORDINARY_TYPES.find(({ sql }) => sql === 'text')!;

/** What is odd about single columns. */
export const COLUMN_FEATURES: readonly Feature[] = [
  { name: 'generated column', weight: 4, apply: (draft) => generated(draft, 'STORED') },
  {
    name: 'virtual generated column',
    weight: 3,
    since: 18,
    apply: (draft) => generated(draft, 'VIRTUAL'),
  },
  {
    name: 'generated column in the key',
    weight: 1,
    apply(draft) {
      const table = plainTable(draft);
      const key = table?.key[0];
      if (table === undefined || key === undefined) return;
      const column = add(draft, table, INTEGER, ` GENERATED ALWAYS AS (length(${quoteIdent(key.name)}::text)) STORED`, 'never'); // prettier-ignore
      const columns = [key, column].map(({ name }) => quoteIdent(name)).join(', ');
      table.constraints = [{ sql: `PRIMARY KEY (${columns})`, feature: 'generated key' }];
    },
  },
  {
    name: 'dropped columns',
    weight: 5,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const name = quoteIdent(`gone ${draft.dice.letters(3)}`);
      const place = draft.dice.below(table.columns.length + 1);
      table.columns.splice(place, 0, {
        name: name.slice(1, -1),
        type: INTEGER,
        more: draft.dice.chance(0.5) ? ' DEFAULT 7' : '',
        insert: 'never',
        nullable: true,
      });
      table.after.push({ sql: `ALTER TABLE ${table.sql} DROP COLUMN ${name}` });
      table.columns = table.columns.slice();
    },
  },
  {
    name: 'columns added after rows',
    weight: 4,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const column = anyColumn(draft, table);
      draft.last.push({ sql: `ALTER TABLE ${table.sql} ADD COLUMN ${quoteIdent(column.name)} ${column.type.sql}${column.more}` }); // prettier-ignore
    },
  },
  {
    name: 'check constraint',
    weight: 4,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const column = draft.dice.pick(table.columns);
      table.constraints.push({ sql: `CONSTRAINT ${quoteIdent(draft.names.object())} CHECK (${quoteIdent(column.name)} IS NOT NULL OR true)${draft.dice.chance(0.2) ? ' NO INHERIT' : ''}` }); // prettier-ignore
    },
  },
  {
    name: 'collation of a column',
    weight: 2,
    apply(draft) {
      const table = plainTable(draft);
      if (table !== undefined) add(draft, table, TEXT, ` COLLATE ${draft.dice.pick(['"C"', '"POSIX"', 'pg_catalog."default"'])}`); // prettier-ignore
    },
  },
  {
    name: 'collation of its own',
    weight: 2,
    apply(draft) {
      const table = plainTable(draft);
      if (table === undefined) return;
      const name = draft.objectName();
      const kind = draft.dice.pick([`locale = 'C'`, `provider = icu, locale = 'und-u-ks-level2', deterministic = false`, `provider = icu, locale = 'de'`]); // prettier-ignore
      draft.prelude.push({ sql: `CREATE COLLATION ${name} (${kind})`, feature: 'own collation' });
      const column = add(draft, table, TEXT, ` COLLATE ${name}`);
      column.feature = 'own collation';
      if (draft.dice.chance(0.4)) table.constraints.push({ sql: `UNIQUE (${quoteIdent(column.name)})` }); // prettier-ignore
    },
  },
  {
    name: 'large values',
    weight: 2,
    apply(draft) {
      const table = plainTable(draft);
      if (table === undefined) return;
      const column = add(draft, table, TEXT, '');
      const value = `repeat(md5('${draft.dice.letters(4)}'), ${draft.dice.pick([1_000, 30_000])})`;
      const set = { sql: `UPDATE ${table.sql} SET ${quoteIdent(column.name)} = ${value}` };
      draft.last.push(set);
      draft.events.push(set, { sql: `UPDATE ${table.sql} SET ${quoteIdent(column.name)} = ${quoteIdent(column.name)} || 'x'` }); // prettier-ignore
    },
  },
  {
    name: 'storage of a column',
    weight: 3,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const column = add(draft, table, TEXT, '');
      const how = draft.dice.pick(['EXTERNAL', 'PLAIN', 'MAIN']);
      table.late.push({ sql: `ALTER TABLE ${table.sql} ALTER COLUMN ${quoteIdent(column.name)} SET STORAGE ${how}` }); // prettier-ignore
      table.late.push({ sql: `ALTER TABLE ${table.sql} ALTER COLUMN ${quoteIdent(column.name)} SET STATISTICS 500` }); // prettier-ignore
    },
  },
  {
    name: 'table without columns',
    weight: 1,
    apply: (draft) => void bare(draft),
  },
  {
    name: 'many columns',
    weight: 1,
    apply(draft) {
      const table = plainTable(draft);
      if (table === undefined) return;
      const count = draft.dice.pick([200, 1000, 1580]);
      for (let i = 0; i < count; i++)
        table.columns.push({ name: `c${i}`, type: { ...INTEGER, feature: 'many columns' }, more: '', insert: i < 20 ? 'may' : 'never', nullable: true }); // prettier-ignore
    },
  },
  {
    name: 'identity beside the key',
    weight: 2,
    apply(draft) {
      const table = draft.someTable(({ columns }) => columns.every(({ more }) => !/IDENTITY/.test(more))); // prettier-ignore
      if (table === undefined) return;
      const how = draft.dice.pick(['ALWAYS', 'BY DEFAULT']);
      const options = draft.dice.pick(['', ' (START WITH 10 INCREMENT BY -5 MINVALUE -1000 MAXVALUE 1000 CYCLE)', ' (CACHE 20)']); // prettier-ignore
      add(draft, table, INTEGER, ` GENERATED ${how} AS IDENTITY${options}`);
    },
  },
];

function add(
  draft: Draft,
  table: TableDraft,
  type: ColumnDraft['type'],
  more: string,
  insert: ColumnDraft['insert'] = 'may',
): ColumnDraft {
  const column = { name: columnName(draft, table), type, more, insert, nullable: true };
  table.columns.push(column);
  return column;
}

function generated(draft: Draft, kind: string): void {
  const table = draft.someTable();
  const of = table?.columns.find((column) => /^(integer|bigint|text|serial|bigserial)$/.test(column.type.sql)); // prettier-ignore
  if (table === undefined || of === undefined) return;
  const column = add(draft, table, TEXT, ` GENERATED ALWAYS AS (upper(${quoteIdent(of.name)}::text) || 'x') ${kind}`, 'never'); // prettier-ignore
  // Before the others now and then.
  if (draft.dice.chance(0.5)) table.columns.unshift(table.columns.pop()!);
  column.nullable = true;
}

function bare(draft: Draft): void {
  const sql = draft.objectName();
  draft.prelude.push({ sql: `CREATE TABLE ${sql} ()`, feature: 'bare table' });
  draft.last.push({ sql: `INSERT INTO ${sql} DEFAULT VALUES` });
}
