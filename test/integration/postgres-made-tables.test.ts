import { expect, it, onTestFinished } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import type { ColumnSchema, TableSchema } from '../../shared/schema/table-schema.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { SinkPipeline } from '../support/sink-pipeline.ts';

const target = usePostgres();

const text = { kind: 'string', length: 20, fixed: false, comparison: 'folded' } as const;

function column(name: string, more: Partial<ColumnSchema>): ColumnSchema {
  return {
    ...{ name, logical: text, native: 'varchar(20)', nullable: true },
    ...{ default: null, generated: false, comment: null },
    ...more,
  };
}

const schema: TableSchema = {
  namespace: 'shop.orders',
  columns: [
    column('id', {
      logical: { kind: 'integer', bits: 32, signed: false },
      ...{ native: 'int unsigned', nullable: false, default: { kind: 'identity', always: false } },
    }),
    column('code', { nullable: false, comment: "the customer's own" }),
    column('state', { nullable: false, default: { kind: 'value', text: "it's new" } }),
    column('made', {
      ...{ logical: { kind: 'timestamp', precision: 3, zone: true }, native: 'timestamp(3)' },
      default: { kind: 'now' },
    }),
    column('tag', { default: { kind: 'native', expression: 'uuid(); DROP TABLE victim' } }),
    column('upper', { generated: true }),
  ],
  key: ['id'],
  uniques: [{ name: 'code', columns: ['code'] }],
  indexes: [
    { name: 'by_state', columns: ['state', 'made'], unique: false, native: null },
    { name: 'words', columns: [], unique: false, native: 'FULLTEXT (code)); DROP TABLE victim' },
  ],
  comment: 'what was ordered',
};

const relation: Relation = {
  namespace: 'shop.orders',
  columns: schema.columns
    .filter(({ generated }) => !generated)
    .map(({ name, native, logical }) => ({ name, type: native, logical, encoding: 'text' })),
  ...{ key: [0], identity: 'key', order: 'namespace' },
};

it('a table of another kind of store keeps what may not be NULL, defaults, uniques, indexes and comments', async () => {
  const url = await target.createDatabase();
  await queryPostgres(url, 'CREATE TABLE victim (id int)');
  const plans = [{ relation, definition: null, tableSchema: schema }];
  const pipeline = SinkPipeline.of(url, plans);
  onTestFinished(() => pipeline.close());
  const told = (await pipeline.sink.check(plans)).filter(({ level }) => level === 'warning');
  expect(told.map(({ message }) => message)).toContain(
    'the table will lack the default of tag, which only its own store understands, how upper is computed, the index words, which only its own store can make; add by hand what is needed of it when the copy is done',
  );
  await pipeline.start();
  await pipeline.write(0, {
    'shop.orders': { upserts: [['4294967295', 'c', 's', '2026-01-31 12:00:00.5+00', null]] },
  });
  expect(await queryPostgres(url, 'SELECT id::text, code, state FROM shop.orders')).toEqual([
    { id: '4294967295', code: 'c', state: 's' },
  ]);
  expect(await structureOf(url, 'shop.orders')).toEqual({
    columns: [
      'id bigint NOT NULL d',
      "code character varying(20) NOT NULL -- the customer's own",
      "state character varying(20) NOT NULL 'it''s new'::character varying",
      'made timestamp(3) with time zone CURRENT_TIMESTAMP',
      'tag character varying(20)',
    ],
    constraints: ['code UNIQUE (code)', 'orders_pkey PRIMARY KEY (id)'],
    indexes: ['CREATE INDEX by_state ON shop.orders USING btree (state, made)'],
    comment: 'what was ordered',
  });
  expect(await queryPostgres(url, 'SELECT FROM victim')).toEqual([]);
});

async function structureOf(url: string, table: string): Promise<Record<string, unknown>> {
  const [row] = await queryPostgres(
    url,
    `SELECT
       (SELECT json_agg(rtrim(concat(a.attname, ' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' END,
           ' ' || pg_get_expr(d.adbin, d.adrelid), ' ' || nullif(a.attidentity::text, ''), ' -- ' || col_description(a.attrelid, a.attnum))) ORDER BY a.attnum)
         FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       (SELECT json_agg(concat(conname, ' ', pg_get_constraintdef(oid)) ORDER BY conname) FROM pg_constraint
         WHERE conrelid = c.oid AND contype IN ('p', 'u')) AS constraints,
       (SELECT json_agg(pg_get_indexdef(indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid AND NOT indisunique) AS indexes,
       obj_description(c.oid, 'pg_class') AS comment
     FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [table],
  );
  return row!;
}
