import { featured, type Draft, type TableDraft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import { ORDINARY_TYPES } from '../value-type.ts';
import type { Feature } from './feature.ts';
import { plainTable } from './key-features.ts';

const INTEGER = ORDINARY_TYPES[0]!;

/** Declarative partitioning: every method, several levels, partitions that are unlike their table. */
export const PARTITION_FEATURES: readonly Feature[] = [
  { name: 'range partitions', weight: 4, apply: (draft) => void partition(draft, 'RANGE') },
  { name: 'list partitions', weight: 3, apply: (draft) => void partition(draft, 'LIST') },
  { name: 'hash partitions', weight: 3, apply: (draft) => void partition(draft, 'HASH') },
  {
    name: 'nested partitions',
    weight: 2,
    apply(draft) {
      const table = partition(draft, 'RANGE');
      if (table === undefined) return;
      const [middle, leaf] = [draft.objectName(), draft.objectName()];
      const column = quoteIdent(table.partitionKey[0]!.name);
      table.after.push(
        { sql: `CREATE TABLE ${middle} PARTITION OF ${table.sql} FOR VALUES FROM (1000) TO (2000) PARTITION BY RANGE (${column})` }, // prettier-ignore
        { sql: `CREATE TABLE ${leaf} PARTITION OF ${middle} FOR VALUES FROM (1000) TO (1500)` },
        { sql: `CREATE TABLE ${draft.objectName()} PARTITION OF ${middle} DEFAULT` },
      );
    },
  },
  {
    name: 'partition with columns in another order',
    weight: 3,
    apply(draft) {
      const table = partition(draft, 'RANGE');
      if (table === undefined) return;
      const sql = draft.objectName();
      table.after.push(
        {
          sql: `CREATE TABLE ${sql}`,
          parts: [
            { sql: '"not there" integer' },
            ...draft.dice
              .shuffle(table.columns)
              .map(({ name, type, more }) => ({ sql: `${quoteIdent(name)} ${bareType(type.sql)}${plain(more)}` })), // prettier-ignore
          ],
        },
        { sql: `ALTER TABLE ${sql} DROP COLUMN "not there"` },
        { sql: `ALTER TABLE ${table.sql} ATTACH PARTITION ${sql} FOR VALUES FROM (2000) TO (3000)` }, // prettier-ignore
      );
    },
  },
  {
    name: 'unlogged partition',
    weight: 1,
    apply(draft) {
      const table = partition(draft, 'RANGE');
      table?.after.push({ sql: `CREATE UNLOGGED TABLE ${draft.objectName()} PARTITION OF ${table.sql} FOR VALUES FROM (3000) TO (4000)`, feature: 'unlogged partition' }); // prettier-ignore
    },
  },
  {
    name: 'foreign partition',
    weight: 1,
    extension: 'file_fdw',
    apply(draft) {
      const table = partition(draft, 'LIST');
      if (table === undefined) return;
      // No unique index may be on a table with a foreign partition.
      table.constraints = [];
      table.key = [];
      table.late.push({ sql: `ALTER TABLE ${table.sql} REPLICA IDENTITY FULL` });
      table.after.push(
        { sql: 'CREATE EXTENSION IF NOT EXISTS file_fdw', feature: 'foreign table' },
        { sql: 'CREATE SERVER partition_files FOREIGN DATA WRAPPER file_fdw' },
        { sql: `CREATE FOREIGN TABLE ${draft.objectName()} PARTITION OF ${table.sql} FOR VALUES IN (99) SERVER partition_files OPTIONS (filename '/dev/null')`, feature: 'foreign partition' }, // prettier-ignore
      );
    },
  },
  {
    name: 'index, default and check of a single partition',
    weight: 3,
    apply(draft) {
      const table = partition(draft, 'RANGE');
      if (table === undefined) return;
      const sql = draft.objectName();
      const column = quoteIdent(table.partitionKey[0]!.name);
      table.after.push({ sql: `CREATE TABLE ${sql} PARTITION OF ${table.sql} FOR VALUES FROM (4000) TO (5000)` }); // prettier-ignore
      table.late.push(
        { sql: `CREATE INDEX ON ${sql} (${column} DESC)` },
        { sql: `ALTER TABLE ${sql} ADD CHECK (${column} > 0)` },
        { sql: `ALTER TABLE ${sql} ALTER COLUMN ${column} SET DEFAULT 4001` },
      );
    },
  },
  {
    name: 'detached partition',
    weight: 1,
    apply(draft) {
      const table = partition(draft, 'RANGE');
      if (table === undefined) return;
      const sql = draft.objectName();
      table.after.push({ sql: `CREATE TABLE ${sql} PARTITION OF ${table.sql} FOR VALUES FROM (5000) TO (6000)` }); // prettier-ignore
      draft.events.push(featuredEvent(`ALTER TABLE ${table.sql} DETACH PARTITION ${sql}`));
    },
  },
];

function featuredEvent(sql: string): { sql: string; feature?: string } {
  return { sql, ...featured('structure change') };
}

/** Makes an ordinary table a partitioned one, by a column of its own that is part of the key. */
function partition(draft: Draft, method: 'RANGE' | 'LIST' | 'HASH'): TableDraft | undefined {
  const { dice } = draft;
  const table = plainTable(draft);
  if (table === undefined) return undefined;
  const column = {
    name: `part ${dice.letters(2)}`,
    type: {
      ...INTEGER,
      text: () => String(dice.pick([1, 5, 50, 99, 1200, 1700, 2500, 3500, 4500, 5500, 7000])),
      key: (n: number) => String((n * 97) % 6000),
    },
    more: ' NOT NULL',
    insert: 'given' as const,
    nullable: false,
  };
  table.columns.splice(dice.below(table.columns.length + 1), 0, column);
  table.partitionKey = [column];
  table.isPartitioned = true;
  if (table.key.length > 0) table.key.push(column);
  const columns = table.key.map(({ name }) => quoteIdent(name)).join(', ');
  // What is unique has to have the partition key in it.
  table.constraints = table.constraints.filter(({ sql }) => !/UNIQUE|EXCLUDE|PRIMARY/.test(sql));
  if (table.key.length > 0) table.constraints.push({ sql: `PRIMARY KEY (${columns})` });
  table.tail = ` PARTITION BY ${method} (${quoteIdent(column.name)})`;
  const of = (bound: string): void =>
    void table.after.push({ sql: `CREATE TABLE ${draft.objectName()} PARTITION OF ${table.sql} ${bound}` }); // prettier-ignore
  switch (method) {
    case 'RANGE':
      of('FOR VALUES FROM (MINVALUE) TO (100)');
      of('FOR VALUES FROM (100) TO (1000)');
      if (dice.chance(0.6)) of('DEFAULT');
      break;
    case 'LIST':
      of('FOR VALUES IN (1, 5, 50)');
      of('DEFAULT');
      break;
    case 'HASH':
      for (let i = 0; i < 3; i++) of(`FOR VALUES WITH (MODULUS 3, REMAINDER ${i})`);
      break;
  }
  return table;
}

function bareType(sql: string): string {
  return { serial: 'integer', bigserial: 'bigint' }[sql] ?? sql;
}

/** What a table that is attached may have: no identity of its own. */
function plain(more: string): string {
  return /IDENTITY|GENERATED/.test(more) ? ' NOT NULL' : more;
}
