import type { Draft, TableDraft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import type { Feature } from './feature.ts';

/** What tells the rows of a table apart. */
export const KEY_FEATURES: readonly Feature[] = [
  { name: 'unique constraint', weight: 5, apply: (draft) => unique(draft, '') },
  {
    name: 'unique nulls not distinct',
    weight: 2,
    since: 15,
    apply: (draft) => unique(draft, ' NULLS NOT DISTINCT'),
  },
  {
    name: 'deferrable unique constraint',
    weight: 2,
    apply: (draft) => unique(draft, '', ' DEFERRABLE INITIALLY DEFERRED'),
  },
  { name: 'deferrable primary key', weight: 2, apply: (draft) => replaceKey(draft, ({ sql }) => `${sql} DEFERRABLE`, 'weak identity') }, // prettier-ignore
  {
    name: 'primary key with INCLUDE',
    weight: 2,
    apply(draft) {
      const table = plainTable(draft);
      const more = table?.columns.find((column) => !table.key.includes(column));
      if (table === undefined || more === undefined) return;
      const key = table.constraints.find(({ sql }) => sql.startsWith('PRIMARY KEY'));
      if (key !== undefined) key.sql += ` INCLUDE (${quoteIdent(more.name)})`;
    },
  },
  {
    name: 'no key, replica identity full',
    weight: 3,
    apply(draft) {
      const table = withoutKey(draft);
      table?.late.push({ sql: `ALTER TABLE ${table.sql} REPLICA IDENTITY FULL` });
    },
  },
  {
    name: 'no key at all',
    weight: 2,
    apply(draft) {
      const table = withoutKey(draft);
      if (table !== undefined) table.insertsOnly = true;
    },
  },
  {
    name: 'replica identity nothing',
    weight: 1,
    apply(draft) {
      const table = identity(draft, 'NOTHING');
      if (table !== undefined) table.insertsOnly = true;
    },
  },
  {
    name: 'replica identity full beside a key',
    weight: 3,
    apply(draft) {
      identity(draft, 'FULL');
      unique(draft, '');
    },
  },
  {
    name: 'replica identity of an index',
    weight: 3,
    apply(draft) {
      const table = plainTable(draft);
      const column = table?.columns.find(
        (each) => !each.nullable && each.type.btree === true && !table.key.includes(each),
      );
      if (table === undefined || column === undefined) return;
      const index = draft.names.object();
      table.late.push(
        { sql: `CREATE UNIQUE INDEX ${quoteIdent(index)} ON ${table.sql} (${quoteIdent(column.name)})` }, // prettier-ignore
        { sql: `ALTER TABLE ${table.sql} REPLICA IDENTITY USING INDEX ${quoteIdent(index)}` },
      );
    },
  },
  {
    name: 'unique index instead of a primary key',
    weight: 3,
    apply(draft) {
      const table = withoutKey(draft);
      const column = table?.columns[0];
      if (table === undefined || column?.type.btree !== true) return;
      table.late.push({ sql: `CREATE UNIQUE INDEX ON ${table.sql} (${quoteIdent(column.name)})` });
      // Only the index that the table is told to use says which row is meant.
      table.insertsOnly = true;
    },
  },
];

/** A table that no feature has made special in its kind. */
export function plainTable(draft: Draft): TableDraft | undefined {
  return draft.someTable((table) => !table.isPartitioned && table.feature === undefined);
}

function unique(draft: Draft, how: string, after = ''): void {
  const { dice } = draft;
  const table = plainTable(draft);
  const fitting = table?.columns.filter((column) => column.type.btree === true) ?? [];
  if (table === undefined || fitting.length === 0) return;
  const columns = dice.some(fitting, dice.between(1, 2)).map(({ name }) => quoteIdent(name));
  const name = dice.chance(0.5) ? `CONSTRAINT ${quoteIdent(draft.names.object())} ` : '';
  table.constraints.push({ sql: `${name}UNIQUE${how} (${columns.join(', ')})${after}` });
}

function replaceKey(
  draft: Draft,
  replace: (key: { sql: string }) => string,
  feature: string,
): void {
  const table = plainTable(draft);
  const key = table?.constraints.find(({ sql }) => sql.startsWith('PRIMARY KEY'));
  if (key === undefined) return;
  key.sql = replace(key);
  key.feature = feature;
  table!.insertsOnly = true;
}

function withoutKey(draft: Draft): TableDraft | undefined {
  const table = plainTable(draft);
  if (table === undefined) return undefined;
  table.constraints = table.constraints.filter(({ sql }) => !sql.startsWith('PRIMARY KEY'));
  table.key = [];
  return table;
}

function identity(draft: Draft, how: string): TableDraft | undefined {
  const table = plainTable(draft);
  table?.late.push({ sql: `ALTER TABLE ${table.sql} REPLICA IDENTITY ${how}` });
  return table;
}
