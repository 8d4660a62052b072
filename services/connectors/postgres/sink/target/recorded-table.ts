import type { ClientBase } from 'pg';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { TargetName, TargetNames } from './target-names.ts';

/**
 * Which table a namespace was copied into: its OID, because a name may come to mean another table, by an edit of `map`
 * or by a table that was made again under the name. The OID of the state's own table beside it tells whether the whole
 * database was restored from a dump, state and data together: then every OID is another one, and nothing is wrong.
 */
export interface RecordedTable {
  name: string;
  oid: string;
  state: string;
}

const STATE_OID = `'weir.namespace'::pg_catalog.regclass::oid::int8::text`;

/** Notes the tables that have not been noted yet, and those of a restored database; after they were all found or made. */
export async function recordTables(
  client: ClientBase,
  pipeline: string,
  names: TargetNames,
): Promise<void> {
  const { rows } = await client.query<{ namespace: string }>(
    'SELECT namespace FROM weir.namespace WHERE pipeline = $1',
    [pipeline],
  );
  const targets = rows.map(({ namespace }) => names.ofNamespace(namespace));
  await client.query(
    `UPDATE weir.namespace n SET target = jsonb_build_object('name', w.name, 'oid', w.oid::int8::text, 'state', ${STATE_OID})
     FROM (SELECT u.namespace, u.name, c.oid FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS u(namespace, name, schema, relname)
       JOIN pg_catalog.pg_namespace s ON s.nspname = u.schema
       JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = u.relname) w
     WHERE n.pipeline = $1 AND n.namespace = w.namespace
       AND (n.target IS NULL OR n.target->>'state' <> ${STATE_OID} OR (n.target->>'oid' = w.oid::int8::text AND n.target->>'name' <> w.name))`,
    [
      pipeline,
      rows.map(({ namespace }) => namespace),
      targets.map(({ namespace }) => namespace),
      targets.map(({ schema }) => schema),
      targets.map(({ name }) => name),
    ],
  );
}

/** What is wrong with the tables that the pipeline file names now; nothing where each is the one copied into. */
export async function otherTables(
  client: ClientBase,
  pipeline: string,
  names: TargetNames,
  only?: string,
): Promise<string[]> {
  const { rows } = await client.query<RecordedTable & { namespace: string }>(
    // Asked of the row as a whole: in what the first version stored there is no such column.
    `SELECT n.namespace, t.target->>'name' AS name, t.target->>'oid' AS oid
     FROM weir.namespace n CROSS JOIN LATERAL (SELECT to_jsonb(n) -> 'target' AS target) t
     WHERE n.pipeline = $1 AND t.target->>'state' = ${STATE_OID} AND ($2::text IS NULL OR n.namespace = $2)`,
    [pipeline, only ?? null],
  );
  const found = await readOids(
    client,
    rows.map(({ namespace }) => names.ofNamespace(namespace)),
  );
  return rows.flatMap(({ namespace, name, oid }, i) => {
    const now = names.ofNamespace(namespace).namespace;
    return found[i] === oid ? [] : [toProblem(namespace, name, now, found[i] ?? null)];
  });
}

/** Throws where the pipeline file, or the database, has come to name other tables than those copied into. */
export async function requireRecordedTables(
  client: ClientBase,
  pipeline: string,
  names: TargetNames,
  only?: string,
): Promise<void> {
  const problems = await otherTables(client, pipeline, names, only);
  if (problems.length > 0) throw new WeirError('TARGET_UNFIT', problems.join('; '));
}

async function readOids(
  client: ClientBase,
  targets: readonly TargetName[],
): Promise<(string | null)[]> {
  const { rows } = await client.query<{ oid: string | null }>(
    `SELECT (SELECT c.oid::int8::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
       WHERE s.nspname = u.schema AND c.relname = u.name) AS oid
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(schema, name, at) ORDER BY u.at`,
    [targets.map(({ schema }) => schema), targets.map(({ name }) => name)],
  );
  return rows.map(({ oid }) => oid);
}

function toProblem(namespace: string, before: string, now: string, oid: string | null): string {
  if (before !== now)
    return `${namespace} was copied into the table ${before}, and the pipeline file names ${now} for it now; set "map" back, rename the table at the target to ${now}, or run \`weir reset\` and copy again`;
  if (oid === null)
    return `the table ${now} is gone from the target, and with it the rows that were copied; rename it back, or run \`weir reset\` and copy again`;
  return `the table ${now} at the target is not the one that ${namespace} was copied into: another was put under its name, without the rows that are there no more; put the former one back, or run \`weir reset\` and copy again`;
}
