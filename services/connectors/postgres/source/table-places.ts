import type pg from 'pg';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { formatNamespace, parseNamespace, quoteLiteral } from '../connection/names.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { KEYLESS } from '../catalog/structure-changes.ts';
import type { TableDefinition } from '../catalog/table-definition.ts';
import { parseTablePattern } from '../catalog/table-pattern.ts';

/** A table of a pipeline: what it was called, and what it is. */
export interface PlacedTable {
  namespace: string;
  oid: number;
}

/** Those of a plan that the patterns still name, as far as the plan has recorded which they are. */
export function placedTables(
  { namespaces }: PipelinePlan,
  patterns: readonly string[] | undefined,
): PlacedTable[] {
  const wanted = patterns?.map((text) => parseTablePattern(text));
  return namespaces.flatMap(({ relation: { namespace }, definition }) => {
    const oid = (definition as TableDefinition | null | undefined)?.record?.oid;
    const { schema, table } = parseNamespace(namespace);
    const isNamed = wanted?.some((pattern) => pattern.matches(schema, table)) ?? true;
    return oid !== undefined && isNamed ? [{ namespace, oid }] : [];
  });
}

/**
 * Throws where a table of the pipeline is gone or has another name by now. Whatever has its name is another table, whose
 * rows were never copied and whose changes are not followed.
 */
export async function requireInPlace(
  client: pg.Client,
  pipeline: string,
  tables: readonly PlacedTable[],
): Promise<void> {
  const names = tables.map(({ namespace }) => parseNamespace(namespace));
  const { rows } = await client.query<{
    namespace: string;
    schema: string | null;
    name: string | null;
    replaced: boolean;
  }>(PLACES_SQL, [
    tables.map(({ namespace }) => namespace),
    tables.map(({ oid }) => oid),
    names.map(({ schema }) => schema),
    names.map(({ table }) => table),
  ]);
  if (rows.length === 0) return;
  const said = rows.map(({ namespace, schema, name, replaced }) => {
    const what =
      schema === null || name === null
        ? 'was dropped'
        : `was renamed to ${formatNamespace(schema, name)}`;
    const other = replaced
      ? ', and another table put in its place, whose rows are not at the target and whose changes are not followed'
      : '';
    return `${namespace} ${what} at the source${other}`;
  });
  const isRenamed = rows.some(({ name }) => name !== null);
  const list = rows.map(({ namespace }) => quoteLiteral(namespace).trim()).join(', ');
  throw new WeirError(
    'SCHEMA_CHANGED',
    `${said.join('; ')}. ${isRenamed ? 'Rename it back' : 'There is no way back to it'}; or, at a PostgreSQL target, drop its table or empty it, and have it forgotten: DELETE FROM weir.namespace WHERE pipeline = ${quoteLiteral(pipeline).trim()} AND namespace IN (${list}); the next start copies whatever has its name then; or run \`weir reset\` and copy again.`,
  );
}

/**
 * Throws where a table has lost its key since. Its updates would have to be left out of what the source sends from now on,
 * and those made before it has a key again would be missed.
 */
export function requireKeyed({ namespaces }: PipelinePlan, tables: readonly SourceTable[]): void {
  const lost = tables.filter(
    ({ namespace, relation }) =>
      relation.identity === 'none' &&
      namespaces.some(
        (known) => known.relation.namespace === namespace && known.relation.identity !== 'none',
      ),
  );
  if (lost.length === 0) return;
  throw new WeirError(
    'SCHEMA_CHANGED',
    lost
      .map(
        ({ namespace, identityProblem }) =>
          `${namespace} changed at the source: ${KEYLESS}: ${identityProblem ?? ''}; then start the pipeline again`,
      )
      .join('. '),
  );
}

const PLACES_SQL = `
SELECT w.namespace, n.nspname AS schema, c.relname AS name, EXISTS (
    SELECT FROM pg_catalog.pg_class o JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace
    WHERE o.relname = w.name AND m.nspname = w.schema AND o.oid <> w.oid) AS replaced
FROM unnest($1::text[], $2::oid[], $3::text[], $4::text[]) AS w(namespace, oid, schema, name)
LEFT JOIN pg_catalog.pg_class c ON c.oid = w.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid IS NULL OR c.relname <> w.name OR n.nspname <> w.schema
ORDER BY w.namespace`;
