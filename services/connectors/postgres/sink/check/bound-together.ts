import type { ClientBase } from 'pg';
import { sourceOf } from '../../../../../shared/change/namespace-part.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { partitionTree } from '../../catalog/partition-tree.ts';
import type { TargetNames } from '../target/target-names.ts';

interface FurtherIndex {
  at: number;
  /** Of its key, null for an expression. */
  columns: (string | null)[];
}

/** Unique and exclusion indexes of the tables, those of single partitions too. */
const INDEXES = `
SELECT w.at::int AS at, (SELECT json_agg(a.attname ORDER BY k.at)
  FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
  WHERE k.at <= i.indnkeyatts) AS columns
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(schema, name, at)
JOIN pg_catalog.pg_namespace s ON s.nspname = w.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = w.name
CROSS JOIN LATERAL ${partitionTree('c.oid')} p
JOIN pg_catalog.pg_index i ON i.indrelid = p.relid
WHERE i.indisunique OR i.indisexclusion`;

/**
 * Namespaces whose rows the target binds to each other although the source does not, by an index that only the target
 * has: their changes must come in the order of the source, which lanes beside each other do not keep. An index that
 * holds all of the key binds nothing more than the key does.
 */
export async function readBoundTogether(
  client: ClientBase,
  names: TargetNames,
  { lanes, namespaces }: { lanes: number; namespaces: readonly { relation: Relation }[] },
): Promise<string[]> {
  if (lanes === 1) return [];
  const spread = namespaces
    .map(({ relation }) => relation)
    .filter(({ order, identity }) => order === 'key' && identity !== 'none');
  const targets = spread.map(({ namespace }) => names.ofNamespace(namespace));
  const { rows } = await client.query<FurtherIndex>(INDEXES, [
    targets.map(({ schema }) => schema),
    targets.map(({ name }) => name),
  ]);
  const bound = rows.flatMap(({ at, columns }) => {
    const { namespace, key, columns: all } = spread[at - 1]!;
    const holdsKey = key.length > 0 && key.every((i) => columns.includes(all[i]!.name));
    return holdsKey ? [] : [sourceOf(namespace)];
  });
  return [...new Set(bound)];
}

/** The same of what the target has of the pipeline. */
export async function readBoundNow(
  client: ClientBase,
  names: TargetNames,
  pipeline: string,
): Promise<string[]> {
  const { rows } = await client.query<{ lanes: number; relation: Relation }>(
    'SELECT p.lanes, n.relation FROM weir.pipeline p JOIN weir.namespace n ON n.pipeline = p.name WHERE p.name = $1',
    [pipeline],
  );
  return readBoundTogether(client, names, { lanes: rows[0]?.lanes ?? 1, namespaces: rows });
}
