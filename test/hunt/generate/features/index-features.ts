import type { ColumnDraft, Draft, TableDraft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import type { Feature } from './feature.ts';

/** Indexes of every kind, and what is like one. */
export const INDEX_FEATURES: readonly Feature[] = [
  { name: 'index', weight: 6, apply: (draft) => index(draft, {}) },
  { name: 'unique index', weight: 3, apply: (draft) => index(draft, { unique: true }) },
  {
    name: 'partial index',
    weight: 4,
    apply: (draft) => index(draft, { where: (c) => `${c} IS NOT NULL` }),
  },
  {
    name: 'expression index',
    weight: 4,
    apply: (draft) => index(draft, { of: /^text$/, column: (c) => `lower(${c}), (length(${c}) + 1)` }), // prettier-ignore
  },
  {
    name: 'odd orders and options of an index',
    weight: 3,
    apply: (draft) => index(draft, { column: (c) => `${c} DESC NULLS LAST`, options: ' WITH (fillfactor = 70)' }), // prettier-ignore
  },
  { name: 'operator class of an index', weight: 2, apply: (draft) => index(draft, { of: /^text$/, column: (c) => `${c} text_pattern_ops` }) }, // prettier-ignore
  { name: 'index with INCLUDE', weight: 2, apply: (draft) => index(draft, { include: true }) },
  { name: 'hash index', weight: 2, apply: (draft) => index(draft, { method: 'hash' }) },
  { name: 'brin index', weight: 2, apply: (draft) => index(draft, { method: 'brin', of: /^(integer|bigint|timestamp|date)$/ }) }, // prettier-ignore
  {
    name: 'gin index',
    weight: 2,
    apply: (draft) => index(draft, { method: 'gin', of: /^jsonb$/, column: (c) => `${c} jsonb_path_ops` }), // prettier-ignore
  },
  { name: 'gist index', weight: 2, apply: (draft) => index(draft, { method: 'gist', of: /range$/ }) }, // prettier-ignore
  {
    name: 'trigram index',
    weight: 2,
    extension: 'pg_trgm',
    apply(draft) {
      draft.prelude.push({ sql: 'CREATE EXTENSION pg_trgm', feature: 'extension' });
      index(draft, { method: 'gin', of: /^text$/, column: (c) => `${c} public.gin_trgm_ops` });
    },
  },
  {
    name: 'exclusion constraint',
    weight: 3,
    apply(draft) {
      const table = draft.someTable(({ isPartitioned }) => !isPartitioned);
      if (table === undefined) return;
      const name = `during${draft.dice.letters(2)}`;
      table.columns.push(rangeColumn(name));
      table.constraints.push({ sql: `EXCLUDE USING gist (${quoteIdent(name)} WITH &&) WHERE (${quoteIdent(name)} IS NOT NULL)` }); // prettier-ignore
    },
  },
  {
    name: 'exclusion constraint with scalars',
    weight: 2,
    extension: 'btree_gist',
    apply(draft) {
      const table = draft.someTable(({ isPartitioned, key }) => !isPartitioned && /^(integer|bigint|text)$/.test(key[0]?.type.sql ?? '')); // prettier-ignore
      if (table === undefined) return;
      draft.prelude.push({ sql: 'CREATE EXTENSION btree_gist', feature: 'extension' });
      const name = `booked${draft.dice.letters(2)}`;
      table.columns.push(rangeColumn(name));
      table.constraints.push({ sql: `EXCLUDE USING gist (${quoteIdent(table.key[0]!.name)} WITH =, ${quoteIdent(name)} WITH &&)` }); // prettier-ignore
    },
  },
  {
    name: 'clustered table',
    weight: 1,
    apply(draft) {
      const table = draft.someTable(({ isPartitioned, key }) => !isPartitioned && key.length > 0);
      const name = quoteIdent(draft.names.object());
      table?.late.push(
        { sql: `CREATE INDEX ${name} ON ${table.sql} (${quoteIdent(table.key[0]!.name)})` },
        { sql: `ALTER TABLE ${table.sql} CLUSTER ON ${name}` },
      );
    },
  },
];

function rangeColumn(name: string): ColumnDraft {
  let day = 0;
  return {
    name,
    type: {
      sql: 'int4range',
      text: () => `[${++day * 10},${day * 10 + 5})`,
    },
    more: '',
    insert: 'may',
    nullable: true,
  };
}

interface IndexShape {
  unique?: boolean;
  method?: string;
  of?: RegExp;
  column?: (quoted: string) => string;
  where?: (quoted: string) => string;
  include?: boolean;
  options?: string;
}

function index(draft: Draft, shape: IndexShape): void {
  const { dice, names } = draft;
  const fits = (column: ColumnDraft): boolean =>
    shape.of === undefined ? column.type.btree === true : shape.of.test(column.type.sql);
  const table = draft.someTable((each: TableDraft) => each.columns.some(fits));
  if (table === undefined) return;
  const column = quoteIdent(dice.pick(table.columns.filter(fits)).name);
  const name = dice.chance(0.6) ? `${quoteIdent(names.object())} ` : '';
  const include = shape.include === true ? ` INCLUDE (${quoteIdent(table.columns.at(-1)!.name)})` : ''; // prettier-ignore
  const where = shape.where === undefined ? '' : ` WHERE ${shape.where(column)}`;
  table.late.push({
    sql: `CREATE ${shape.unique === true ? 'UNIQUE ' : ''}INDEX ${name}ON ${table.sql} USING ${shape.method ?? 'btree'} (${shape.column?.(column) ?? column})${include}${shape.options ?? ''}${where}`,
  });
}
