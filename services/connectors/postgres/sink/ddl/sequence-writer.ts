import type pg from 'pg';
import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import {
  formatNamespace,
  qualifiedName,
  quoteIdent,
  quoteLiteral,
} from '../../connection/names.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { missingSequence, takenSequence } from './sequence-check.ts';
import { maySequence } from '../../catalog/sequence-rights.ts';
import { toSequenceStatement } from './sequence-ddl.ts';
import type {
  SequenceDefinition,
  SideState,
  TableDefinition,
} from '../../catalog/table-definition.ts';
import { runDdl } from '../target/target-ddl.ts';
import type { TargetName } from '../target/target-names.ts';

type Standing = SideState['sequences'][number];

/**
 * The sequence that feeds a column there, as SQL names it: one that it owns or that its default takes numbers from, that of
 * the source's name before others; else the one of that name.
 */
const FEEDING = `
WITH fed AS (
  SELECT a.attrelid AS relid, a.attnum AS number FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped
), feeding AS (
  SELECT d.objid AS oid FROM fed JOIN pg_catalog.pg_depend d ON d.refobjid = fed.relid AND d.refobjsubid = fed.number
    AND d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
  UNION
  SELECT d.refobjid FROM fed JOIN pg_catalog.pg_attrdef f ON f.adrelid = fed.relid AND f.adnum = fed.number
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass
)
SELECT (
  SELECT '"' || replace(n.nspname, '"', '""') || '"."' || replace(k.relname, '"', '""') || '"'
  FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
  WHERE k.relkind = 'S' AND (k.oid = to_regclass($3) OR k.oid IN (SELECT oid FROM feeding))
  ORDER BY k.oid IN (SELECT oid FROM feeding) DESC, k.oid = to_regclass($3) DESC, k.oid LIMIT 1) AS sequence`;

/**
 * Sets the target's sequences to where the source's stand, forward or back: a sequence may begin again, or be set to
 * anything. But only while it stands where it was set the last time; from then on that somebody uses it at the target it
 * only moves further, so that no number comes twice. Makes sequences that no column uses where they are missing.
 */
export class SequenceWriter {
  readonly #target: PlanTarget;
  readonly #log: ConnectorLog;
  /** Sentences, by the sequence at the source, of those that cannot be set. */
  readonly #problems = new Map<string, string>();

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#log = log;
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** Those that stand elsewhere than where they were set the last time. */
  async moved(client: pg.Client, sequences: readonly Standing[]): Promise<Standing[]> {
    if (sequences.length === 0) return [];
    const { rows } = await client.query<{ sequence: string; standing: string }>(
      'SELECT sequence, standing FROM weir.sequence WHERE pipeline = $1',
      [this.#target.pipeline],
    );
    const set = new Map(rows.map(({ sequence, standing }) => [sequence, standing]));
    return sequences.filter((each) => set.get(namespaceOf(each)) !== standingOf(each));
  }

  /** Nearly always there is one; an identity of a table with another name there has its own beside what defaults name. */
  async set(
    client: pg.Client,
    tables: readonly TableDefinition[],
    stands: Standing,
  ): Promise<void> {
    const [first, ...others] = await this.#find(client, tables, stands);
    if (first === undefined) return;
    const namespace = namespaceOf(stands);
    try {
      for (const sql of others) await this.#advance(client, sql, `${namespace} ${sql}`, stands);
      await this.#advance(client, first, namespace, stands);
      this.#problems.delete(namespace);
    } catch (error) {
      const found = toPostgresError(error, `setting the sequence ${first} to ${stands.lastValue} at the target`); // prettier-ignore
      if (found.retryable) throw found;
      this.#tell(stands, `${found.message} Alter it there as the source's is`);
    }
  }

  /** What at the target feeds the columns that the source's sequence feeds, and what is made for itself. */
  async #find(
    client: pg.Client,
    tables: readonly TableDefinition[],
    stands: Standing,
  ): Promise<string[]> {
    const found = new Set<string>();
    const add = (sql: string | null): void => void (sql !== null && found.add(sql));
    if (stands.definition !== undefined) add(await this.#standalone(client, stands.definition));
    const isIt = (each: SequenceDefinition): boolean =>
      each.schema === stands.schema && each.name === stands.name;
    for (const table of tables) {
      for (const sequence of table.sequences.filter(isIt))
        add(await this.#ofColumn(client, this.#target.names.ofTable(table), sequence));
      for (const partition of table.partitions)
        for (const sequence of (partition.sequences ?? []).filter(isIt))
          add(await this.#ofColumn(client, this.#target.names.ofPartition(partition, table), sequence)); // prettier-ignore
    }
    return [...found];
  }

  /** It may have another name there. Null where this role may not set it. */
  async #ofColumn(
    client: pg.Client,
    name: TargetName,
    sequence: SequenceDefinition,
  ): Promise<string | null> {
    const { rows } = await client.query<{ sequence: string | null }>(FEEDING, [
      name.sql,
      sequence.column,
      qualifiedName(sequence.schema, sequence.name),
    ]);
    const found = rows[0]!.sequence;
    if (found === null)
      this.#tell(
        sequence,
        `the sequence of ${name.namespace}.${sequence.column} is not at the target`,
      );
    return found === null ? null : this.#permitted(client, found, sequence);
  }

  async #standalone(
    client: pg.Client,
    sequence: NonNullable<Standing['definition']>,
  ): Promise<string | null> {
    const name = this.#target.names.ofTable(sequence);
    const { rows } = await client.query<{ kind: string | null; schema: boolean }>(
      `SELECT (SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass($1)) AS kind, to_regnamespace($2) IS NOT NULL AS schema`,
      [name.sql, quoteIdent(name.schema)],
    );
    const { kind, schema } = rows[0]!;
    if (kind !== null && kind !== 'S')
      throw new WeirError('TARGET_UNFIT', takenSequence(name.namespace));
    if (kind === null && this.#target.create === 'never') {
      this.#tell(sequence, missingSequence(sequence, name));
      return null;
    }
    if (kind === null) await this.#create(client, sequence, name, schema);
    return this.#permitted(client, name.sql, sequence);
  }

  async #create(
    client: pg.Client,
    sequence: NonNullable<Standing['definition']>,
    name: TargetName,
    schema: boolean,
  ): Promise<void> {
    const what = `creating the sequence ${name.namespace}`;
    if (!schema) await runDdl(client, `CREATE SCHEMA ${quoteIdent(name.schema)}`, what);
    await runDdl(client, toSequenceStatement(sequence, name.sql), what);
  }

  async #permitted(
    client: pg.Client,
    sql: string,
    sequence: { schema: string; name: string },
  ): Promise<string | null> {
    const { rows } = await client.query<{ may: boolean }>(
      `SELECT ${maySequence('to_regclass($1)', 'UPDATE')} AND ${maySequence('to_regclass($1)', 'SELECT')} AS may`,
      [sql],
    );
    if (rows[0]?.may === true) return sql;
    this.#tell(sequence, `the sequence ${sql} may not be set by this role; run at the target: GRANT SELECT, UPDATE ON SEQUENCE ${sql} TO CURRENT_USER, naming the role`); // prettier-ignore
    return null;
  }

  async #advance(client: pg.Client, sql: string, key: string, stands: Standing): Promise<void> {
    const { lastValue, isCalled } = stands;
    await client.query(
      `WITH there AS MATERIALIZED (
         SELECT last_value, is_called, last_value || CASE WHEN is_called THEN '' ELSE ' not called' END AS standing,
           (SELECT seqincrement FROM pg_catalog.pg_sequence WHERE seqrelid = ${quoteLiteral(sql)}::regclass) AS increment
         FROM ${sql}
       ), ours AS MATERIALIZED (
         SELECT standing = (SELECT standing FROM weir.sequence WHERE pipeline = $3 AND sequence = $4) IS TRUE AS free,
           last_value = $1::bigint AND is_called = $2::boolean AS same,
           CASE WHEN increment < 0 THEN $1::bigint < last_value ELSE $1::bigint > last_value END
             OR ($1::bigint = last_value AND $2::boolean) AS further
         FROM there
       ), moved AS MATERIALIZED (
         SELECT setval(${quoteLiteral(sql)}::regclass, $1::bigint, $2::boolean) FROM ours WHERE NOT same AND (free OR further)
       )
       INSERT INTO weir.sequence (pipeline, sequence, standing)
       SELECT $3, $4, $5 FROM ours WHERE same OR EXISTS (SELECT FROM moved)
       ON CONFLICT (pipeline, sequence) DO UPDATE SET standing = excluded.standing`,
      [lastValue, isCalled, this.#target.pipeline, key, standingOf(stands)],
    );
  }

  #tell(sequence: { schema: string; name: string }, text: string): void {
    const namespace = namespaceOf(sequence);
    if (this.#problems.get(namespace) !== text) this.#log.warn({ sequence: namespace }, text);
    this.#problems.set(namespace, text);
  }
}

function namespaceOf({ schema, name }: { schema: string; name: string }): string {
  return formatNamespace(schema, name);
}

function standingOf({ lastValue, isCalled }: Standing): string {
  return `${lastValue}${isCalled ? '' : ' not called'}`;
}
