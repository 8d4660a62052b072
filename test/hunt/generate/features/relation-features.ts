import { toCreate, type ColumnDraft, type Draft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import { addTable, anyColumn } from '../table.ts';
import type { Feature } from './feature.ts';
import { plainTable } from './key-features.ts';

/** Tables that depend on each other, or are no ordinary tables. */
export const RELATION_FEATURES: readonly Feature[] = [
  { name: 'foreign key', weight: 7, apply: (draft) => foreignKey(draft) },
  {
    name: 'foreign key cycle',
    weight: 2,
    apply(draft) {
      foreignKey(draft, ' DEFERRABLE INITIALLY DEFERRED');
      foreignKey(draft, ' DEFERRABLE');
    },
  },
  {
    name: 'foreign key that acts',
    weight: 4,
    apply: (draft) =>
      foreignKey(
        draft,
        draft.dice.pick([' ON DELETE CASCADE ON UPDATE CASCADE', ' ON DELETE SET NULL', ' ON UPDATE SET DEFAULT', ' NOT VALID']), // prettier-ignore
      ),
  },
  {
    name: 'foreign key to itself',
    weight: 3,
    apply: (draft) => foreignKey(draft, '', true),
  },
  {
    name: 'inheritance',
    weight: 3,
    apply(draft) {
      const parent = plainTable(draft);
      if (parent === undefined) return;
      const child = addTable(draft, { small: true });
      child.columns = [...parent.columns, anyColumn(draft, child)];
      child.key = [...parent.key];
      child.feature = parent.feature = 'inheritance';
      const keep = child.columns.at(-1)!;
      const keyColumns = parent.key.map(({ name }) => quoteIdent(name)).join(', ');
      child.constraints =
        parent.key.length > 0 && draft.dice.chance(0.8)
          ? [{ sql: `PRIMARY KEY (${keyColumns})` }]
          : [];
      // Its own columns only; the rest is inherited.
      child.columns = [keep];
      const own = toCreate(child);
      child.columns = [...parent.columns.filter(({ insert }) => insert !== 'never'), keep];
      child.verb = '';
      parent.late.unshift({ ...own, tail: ` INHERITS (${parent.sql})` });
    },
  },
  { name: 'unlogged table', weight: 2, apply: (draft) => kindOf(draft, 'CREATE UNLOGGED TABLE', 'unlogged table') }, // prettier-ignore
  {
    name: 'storage options of a table',
    weight: 2,
    apply(draft) {
      const table = plainTable(draft);
      if (table !== undefined) table.tail += ' WITH (fillfactor = 50, autovacuum_enabled = false)';
    },
  },
  {
    name: 'foreign table',
    weight: 1,
    extension: 'file_fdw',
    apply(draft) {
      const sql = draft.objectName();
      draft.prelude.push(
        { sql: 'CREATE EXTENSION file_fdw', feature: 'foreign table' },
        { sql: 'CREATE SERVER files FOREIGN DATA WRAPPER file_fdw' },
        { sql: `CREATE FOREIGN TABLE ${sql} (line text) SERVER files OPTIONS (filename '/dev/null')`, feature: 'foreign table' }, // prettier-ignore
      );
    },
  },
  {
    name: 'many small tables',
    weight: 1,
    apply(draft) {
      const count = draft.dice.pick([20, 40, 100, 200]);
      for (let i = draft.tables.length; i < count; i++) addTable(draft, { small: true });
    },
  },
  {
    name: 'large table',
    weight: 2,
    apply(draft) {
      const sql = draft.objectName();
      const rows = draft.dice.pick([3_000, 30_000]);
      draft.prelude.push({ sql: `CREATE TABLE ${sql} (id bigint PRIMARY KEY, v text, n integer DEFAULT 3)` }); // prettier-ignore
      draft.last.push({ sql: `INSERT INTO ${sql} SELECT g, repeat(md5(g::text), 1 + g::int % 40), g FROM generate_series(1, ${rows}) g` }); // prettier-ignore
      draft.events.push(
        { sql: `UPDATE ${sql} SET n = n + 1 WHERE id % 3 = 0` },
        { sql: `DELETE FROM ${sql} WHERE id % 5 = 0` },
        { sql: `UPDATE ${sql} SET id = id + 1000000 WHERE id % 7 = 0` },
        { sql: `${draft.dice.pick(['VACUUM FULL', 'CLUSTER'])} ${sql}`.replace(/^CLUSTER (.*)$/, `CLUSTER $1 USING ${quoteIdent(`${sql.split('"."')[1]!.slice(0, -1)}_pkey`)}`) }, // prettier-ignore
      );
    },
  },
];

function foreignKey(draft: Draft, how = '', toItself = false): void {
  const { dice } = draft;
  const parent = draft.someTable(({ key, verb }) => key.length === 1 && verb === 'CREATE TABLE');
  const child = toItself
    ? parent
    : draft.someTable(({ feature, verb }) => feature === undefined && verb === 'CREATE TABLE');
  if (parent === undefined || child === undefined) return;
  const key = parent.key[0]!;
  const sql = { serial: 'integer', bigserial: 'bigint' }[key.type.sql] ?? key.type.sql;
  const column: ColumnDraft = {
    name: `to ${dice.letters(4)}`,
    // Only values that may be there.
    type: { sql, btree: true, text: (d) => key.type.key!(d.between(1, 6)) },
    more: '',
    insert: 'may',
    nullable: true,
  };
  child.columns.push(column);
  child.late.push({
    sql: `ALTER TABLE ${child.sql} ADD CONSTRAINT ${quoteIdent(draft.names.object())} FOREIGN KEY (${quoteIdent(column.name)}) REFERENCES ${parent.sql} (${quoteIdent(key.name)})${how}`,
  });
}

function kindOf(draft: Draft, verb: string, feature: string): void {
  const table = plainTable(draft);
  if (table === undefined) return;
  table.verb = verb;
  table.feature = feature;
}
