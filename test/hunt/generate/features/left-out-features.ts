import type { Draft } from '../draft.ts';
import { quoteIdent } from '../names.ts';
import type { Feature } from './feature.ts';

/** What databases have beside tables: it does not travel, and must not be in the way. */
export const LEFT_OUT_FEATURES: readonly Feature[] = [
  { name: 'view', weight: 3, apply: (draft) => onTable(draft, (sql) => [`CREATE VIEW ${draft.objectName()} AS SELECT * FROM ${sql}`]) }, // prettier-ignore
  { name: 'materialized view', weight: 2, apply: (draft) => onTable(draft, (sql) => [`CREATE MATERIALIZED VIEW ${draft.objectName()} AS SELECT count(*) AS n FROM ${sql}`]) }, // prettier-ignore
  {
    name: 'trigger',
    weight: 3,
    apply(draft) {
      const name = draft.objectName();
      draft.last.push({ sql: `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'` }); // prettier-ignore
      onTable(draft, (sql) => [`CREATE TRIGGER ${quoteIdent(draft.names.object())} BEFORE INSERT OR UPDATE ON ${sql} FOR EACH ROW EXECUTE FUNCTION ${name}()`]); // prettier-ignore
    },
  },
  {
    name: 'function in a default',
    weight: 2,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const name = draft.objectName();
      draft.prelude.push({ sql: `CREATE FUNCTION ${name}() RETURNS integer LANGUAGE sql AS 'SELECT 7'`, feature: 'own function' }); // prettier-ignore
      table.columns.push({ name: `f ${draft.dice.letters(3)}`, type: { sql: 'integer', text: () => '1' }, more: ` DEFAULT ${name}()`, insert: 'may', nullable: true, feature: 'own function' }); // prettier-ignore
    },
  },
  {
    name: 'function in a check',
    weight: 2,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const name = draft.objectName();
      draft.prelude.push({ sql: `CREATE FUNCTION ${name}(anyelement) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'`, feature: 'own function' }); // prettier-ignore
      table.constraints.push({ sql: `CHECK (${name}(${quoteIdent(table.columns[0]!.name)}))`, feature: 'own function' }); // prettier-ignore
    },
  },
  { name: 'rule', weight: 1, apply: (draft) => onTable(draft, (sql) => [`CREATE RULE "a rule" AS ON UPDATE TO ${sql} DO ALSO NOTHING`]) }, // prettier-ignore
  { name: 'policy', weight: 2, apply: (draft) => onTable(draft, (sql) => [`CREATE POLICY "only some" ON ${sql} USING (true)`, `ALTER TABLE ${sql} ENABLE ROW LEVEL SECURITY`]) }, // prettier-ignore
  { name: 'comment', weight: 3, apply: (draft) => onTable(draft, (sql) => [`COMMENT ON TABLE ${sql} IS 'it''s a "table"'`]) }, // prettier-ignore
  {
    name: 'comment on a part',
    weight: 2,
    apply: (draft) =>
      onTable(draft, (sql, [column]) => [
        draft.dice.pick([
          `COMMENT ON COLUMN ${sql}.${column ?? 'id'} IS 'a column'`,
          `DO $do$ BEGIN EXECUTE (SELECT format('COMMENT ON CONSTRAINT %I ON %s IS ''a key''', conname, conrelid::regclass) FROM pg_constraint WHERE contype = 'p' LIMIT 1); END $do$`,
          `DO $do$ BEGIN EXECUTE (SELECT format('COMMENT ON INDEX %s IS ''an index''', indexrelid::regclass) FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE c.oid >= 16384 LIMIT 1); END $do$`,
          `COMMENT ON SCHEMA public IS 'ours'`,
        ]),
      ]),
  },
  { name: 'grant', weight: 2, apply: (draft) => onTable(draft, (sql) => [`GRANT SELECT ON ${sql} TO PUBLIC`]) }, // prettier-ignore
  { name: 'grant on a column', weight: 1, apply: (draft) => onTable(draft, (sql, [column]) => [`GRANT UPDATE (${column ?? 'id'}) ON ${sql} TO PUBLIC`]) }, // prettier-ignore
  {
    name: 'grants on other things',
    weight: 1,
    apply: (draft) =>
      void draft.last.push({
        sql: draft.dice.pick([
          'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC',
          'GRANT CREATE ON SCHEMA public TO PUBLIC',
          'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC',
        ]),
      }),
  },
  { name: 'extended statistics', weight: 1, apply: (draft) => onTable(draft, (sql, [a, b]) => a === undefined || b === undefined ? [] : [`CREATE STATISTICS ${draft.objectName()} ON ${a}, ${b} FROM ${sql}`]) }, // prettier-ignore
  { name: 'publication', weight: 1, apply: (draft) => onTable(draft, (sql) => [`CREATE PUBLICATION "somebody's" FOR TABLE ${sql}`]) }, // prettier-ignore
  {
    name: 'large object',
    weight: 1,
    apply: (draft) => void draft.last.push({ sql: `SELECT lo_create(0)` }),
  },
  {
    name: 'event trigger',
    weight: 1,
    apply: (draft) =>
      void draft.last.push(
        { sql: `CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'` }, // prettier-ignore
        { sql: `CREATE EVENT TRIGGER "on ddl" ON ddl_command_end EXECUTE FUNCTION public.on_ddl()` }, // prettier-ignore
      ),
  },
  {
    name: 'standalone sequence',
    weight: 3,
    apply(draft) {
      const name = draft.objectName();
      draft.prelude.push({ sql: `CREATE SEQUENCE ${name}${draft.dice.pick(['', ' MINVALUE -5 MAXVALUE 3 CYCLE', ' INCREMENT BY -2', ' AS smallint CACHE 10'])}` }); // prettier-ignore
      for (let i = 0; i < draft.dice.between(1, 12); i++)
        draft.events.push({ sql: `SELECT nextval('${name.replaceAll("'", "''")}')` });
    },
  },
  {
    name: 'sequence shared by columns',
    weight: 2,
    apply(draft) {
      const name = draft.objectName();
      draft.prelude.push({ sql: `CREATE SEQUENCE ${name} START WITH 100` });
      for (let i = 0; i < 2; i++)
        draft.someTable()?.columns.push({ name: `s ${draft.dice.letters(3)}`, type: { sql: 'bigint', text: () => '1' }, more: ` DEFAULT nextval('${name.replaceAll("'", "''")}')`, insert: 'may', nullable: true }); // prettier-ignore
    },
  },
  {
    name: 'cycling serial',
    weight: 2,
    apply(draft) {
      const table = draft.someTable();
      if (table === undefined) return;
      const name = `cyc_${draft.dice.letters(3)}`;
      table.columns.push({ name, type: { sql: 'serial', text: () => '1' }, more: '', insert: 'may', nullable: false }); // prettier-ignore
      const literal = `${table.sql.replaceAll("'", "''")}`;
      table.late.push({ sql: `DO $do$ BEGIN EXECUTE format('ALTER SEQUENCE %s MAXVALUE 4 CYCLE', pg_get_serial_sequence('${literal}', '${name}')); END $do$` }); // prettier-ignore
    },
  },
];

function onTable(draft: Draft, make: (sql: string, columns: string[]) => string[]): void {
  const table = draft.someTable(({ verb }) => verb !== '');
  if (table === undefined) return;
  const columns = table.columns.filter(({ insert }) => insert !== 'never').map(({ name }) => quoteIdent(name)); // prettier-ignore
  for (const sql of make(table.sql, columns)) draft.last.push({ sql });
}
