import type pg from 'pg';
import type { StandaloneSequence } from './table-definition.ts';
import { parseTablePattern } from './table-pattern.ts';

export interface FoundSequence {
  schema: string;
  name: string;
  definition: StandaloneSequence;
}

/**
 * Sequences that belong to no column: all, or those that the patterns name as they name tables. One that a carried
 * column's default takes numbers from comes with its table all the same.
 */
export async function readStandaloneSequences(
  client: pg.Client,
  patterns: readonly string[] | undefined,
): Promise<{ named: FoundSequence[]; others: FoundSequence[] }> {
  const { rows } = await client.query<StandaloneSequence>(SEQUENCES_SQL);
  const found = rows.map((definition) => {
    const { schema, name } = definition;
    return { schema, name, definition };
  });
  const wanted = patterns?.map(parseTablePattern);
  const isNamed = ({ schema, name }: FoundSequence): boolean =>
    wanted === undefined || wanted.some((pattern) => pattern.matches(schema, name));
  return { named: found.filter(isNamed), others: found.filter((each) => !isNamed(each)) };
}

const SEQUENCES_SQL = `
SELECT n.nspname AS schema, c.relname AS name, format_type(s.seqtypid, NULL) AS "dataType", s.seqstart::text AS start,
  s.seqincrement::text AS increment, s.seqmin::text AS min, s.seqmax::text AS max, s.seqcache::text AS cache, s.seqcycle AS cycle
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'weir') AND n.nspname !~ '^pg_(toast|temp)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
    AND (d.deptype = 'e' OR (d.deptype IN ('a', 'i') AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0)))
ORDER BY 1, 2`;
