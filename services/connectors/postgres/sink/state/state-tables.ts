import { IS_STATE, STATE_TABLES } from '../../catalog/state-schema.ts';
import type { ClientBase } from 'pg';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { takeOverRows } from './row-lock-takeover.ts';
import { quoteIdent } from '../../connection/names.ts';
import { PARKED_TABLES } from './parked-tables.ts';

/** One lock for creating and dropping the state, shared by all pipelines of a database. */
const STATE_LOCK = 0x77656972;

/**
 * `lane` and `count` change with every batch: room in their pages keeps those updates off the indexes. Positions are
 * hex digits and must order as bytes, hence the collation.
 */
const TABLES = `
CREATE SCHEMA IF NOT EXISTS weir;
CREATE TABLE IF NOT EXISTS weir.pipeline (
  name text PRIMARY KEY,
  reader_epoch bigint NOT NULL,
  identity text,
  start text,
  snapshot jsonb,
  lanes integer,
  desired text NOT NULL DEFAULT 'running',
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE weir.pipeline ADD COLUMN IF NOT EXISTS ordering text NOT NULL DEFAULT 'key';
ALTER TABLE weir.pipeline ADD COLUMN IF NOT EXISTS kept jsonb;
ALTER TABLE weir.pipeline ADD COLUMN IF NOT EXISTS version integer NOT NULL DEFAULT 1;
CREATE TABLE IF NOT EXISTS weir.namespace (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  namespace text NOT NULL,
  relation jsonb NOT NULL,
  definition jsonb NOT NULL,
  start text COLLATE "C" NOT NULL,
  settled text COLLATE "C" NOT NULL,
  ready boolean NOT NULL DEFAULT false,
  linked boolean NOT NULL DEFAULT false,
  PRIMARY KEY (pipeline, namespace)
);
CREATE TABLE IF NOT EXISTS weir.chunk (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  id bigint NOT NULL,
  namespace text NOT NULL,
  chunk jsonb NOT NULL,
  done boolean NOT NULL DEFAULT false,
  batch_key text,
  rows bigint,
  PRIMARY KEY (pipeline, id)
);
CREATE INDEX IF NOT EXISTS chunk_pending ON weir.chunk (pipeline, namespace) WHERE NOT done;
CREATE TABLE IF NOT EXISTS weir.lane (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  epoch bigint NOT NULL,
  reader_epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  position text COLLATE "C" NOT NULL,
  barrier text COLLATE "C",
  PRIMARY KEY (pipeline, lane)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS weir.count (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, lane, namespace)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS weir.filtered (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  namespace text NOT NULL,
  inserts bigint NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  truncates bigint NOT NULL,
  PRIMARY KEY (pipeline, lane, namespace)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS weir.sequence (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  sequence text NOT NULL,
  standing text NOT NULL,
  PRIMARY KEY (pipeline, sequence)
);
CREATE TABLE IF NOT EXISTS weir.unmet (
  pipeline text NOT NULL REFERENCES weir.pipeline ON DELETE CASCADE,
  lane integer NOT NULL,
  namespace text NOT NULL,
  updates bigint NOT NULL,
  deletes bigint NOT NULL,
  PRIMARY KEY (pipeline, lane, namespace)
);
ALTER TABLE weir.chunk ADD COLUMN IF NOT EXISTS filtered bigint NOT NULL DEFAULT 0;
ALTER TABLE weir.namespace ADD COLUMN IF NOT EXISTS target jsonb;
${PARKED_TABLES}`;

export async function hasStateTables(client: ClientBase): Promise<boolean> {
  return (await findStateTables(client)) !== 'none';
}

/** The same, and what an earlier version made is brought up to this one. */
export async function openStateTables(client: ClientBase): Promise<boolean> {
  const found = await findStateTables(client);
  if (found === 'earlier') await ensureStateTables(client);
  return found !== 'none';
}

export async function findStateTables(client: ClientBase): Promise<'none' | 'earlier' | 'present'> {
  const { rows } = await client.query<{ has: boolean; last: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = to_regclass('weir.count') AND ${IS_STATE}) AS has,
       to_regclass('weir.filtered') IS NOT NULL AND to_regclass('weir.sequence') IS NOT NULL AND to_regclass('weir.unmet') IS NOT NULL AND EXISTS (
       SELECT FROM pg_attribute WHERE attrelid = to_regclass('weir.namespace') AND attname = 'target') AND EXISTS (
       SELECT FROM pg_attribute WHERE attrelid = to_regclass('weir.pipeline') AND attname = 'version') AS last`,
  );
  if (rows[0]?.has !== true) return 'none';
  return rows[0].last ? 'present' : 'earlier';
}

/** In the open transaction, which its caller rolls back: what an earlier version made, as this one reads it. */
export async function seeAsThisVersion(client: ClientBase): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '10s'; ${TABLES}`);
}

/** Makes the state's tables where they are missing; several processes may do so at once. */
export async function ensureStateTables(client: ClientBase): Promise<void> {
  if ((await findStateTables(client)) === 'present') return;
  await refuseMissingRight(client);
  const taken = await takenStateNames(client);
  if (taken !== null) throw new WeirError('TARGET_UNFIT', taken);
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${STATE_LOCK})`);
  try {
    await client.query(TABLES);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** What to grant so that the role may make the state's schema; null if it may, or if the schema is its own. */
export async function missingStateRight(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ role: string; database: string; may: boolean }>(
    `SELECT current_user AS role, current_database() AS database,
            CASE WHEN to_regnamespace('weir') IS NULL
                 THEN has_database_privilege(current_database(), 'CREATE')
                 ELSE has_schema_privilege('weir', 'CREATE, USAGE') END AS may`,
  );
  const row = rows[0]!;
  if (row.may) return null;
  return `GRANT CREATE ON DATABASE ${quoteIdent(row.database)} TO ${quoteIdent(row.role)}`;
}

/** A sentence where the application has something in the schema that has the name of a table of the state; else null. */
export async function takenStateNames(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace('weir')
       AND c.relname = ANY ('{${STATE_TABLES.join()}}') AND NOT (${IS_STATE}) ORDER BY 1`,
  );
  if (rows.length === 0) return null;
  const names = rows.map(({ name }) => `weir.${name}`).join(', ');
  return `the schema "weir", in which Weir keeps a pipeline's progress, has something else of that name at the target: ${names}; rename it, or the schema, with ALTER … RENAME TO`;
}

async function refuseMissingRight(client: ClientBase): Promise<void> {
  const grant = await missingStateRight(client);
  if (grant !== null)
    throw new WeirError(
      'TARGET_UNFIT',
      `the role may not create the schema "weir", in which the pipeline's progress is kept; run at the target: ${grant}`,
    );
}

/** Forgets one pipeline, and the schema with the last of them. */
export async function dropState(client: ClientBase, pipeline: string): Promise<void> {
  if (!(await hasStateTables(client))) return;
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${STATE_LOCK})`);
  try {
    // A writer may wait in the middle of a chunk for a reader that is gone.
    for (const [table, columns] of [
      ['weir.chunk', 'id'],
      ['weir.lane', 'lane'],
    ] as const)
      await takeOverRows(client, { table, columns, where: 'r.pipeline = $1', values: [pipeline] });
    await client.query('DELETE FROM weir.pipeline WHERE name = $1', [pipeline]);
    const { rows } = await client.query('SELECT 1 FROM weir.pipeline LIMIT 1');
    if (rows.length === 0)
      await client.query(
        `DROP TABLE IF EXISTS weir.filtered, weir.unmet, weir.sequence, weir.parked, weir.discarded; DROP TABLE weir.count, weir.lane, weir.chunk, weir.namespace, weir.pipeline;
         DO $$BEGIN DROP SCHEMA weir; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END$$`,
      );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
