import type pg from 'pg';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import { allSequences } from '../catalog/all-sequences.ts';
import { formatNamespace, qualifiedName, quoteLiteral } from '../connection/names.ts';
import { maySequence } from '../catalog/sequence-rights.ts';
import { readStandaloneSequences } from '../catalog/standalone-sequences.ts';
import { readTableDetails } from '../catalog/table-catalog.ts';
import type {
  PartitionDefinition,
  SideState,
  StandaloneSequence,
  TableDefinition,
} from '../catalog/table-definition.ts';

/**
 * Reads where the sequences of the tables stand, and which partitions there are. A sequence that this role may not
 * read is left out (`check` says so). Null where there is nothing of either kind. `looked` remembers which partitions
 * were known or looked at, and whether they came with rows that were not sent.
 */
export async function readSideState(
  client: pg.Client,
  oids: readonly number[],
  looked: Map<string, boolean>,
  patterns: readonly string[] | undefined,
): Promise<SideState | null> {
  const details = await readTableDetails(client, oids);
  const standalone = await readStandaloneSequences(client, patterns);
  const named = new Map<string, NamedSequence>();
  for (const { definition } of standalone.named) {
    const { schema, name } = definition;
    named.set(qualifiedName(schema, name), { schema, name, definition });
  }
  const partitions: SideState['partitions'] = [];
  for (const detail of details.values()) {
    for (const { schema, name } of allSequences(detail))
      if (!named.has(qualifiedName(schema, name)))
        named.set(qualifiedName(schema, name), { schema, name });
    for (const partition of detail.partitions) {
      const namespace = formatNamespace(partition.schema, partition.name);
      const unsent = looked.get(namespace) ?? (await holdsUnsentRows(client, partition));
      looked.set(namespace, unsent);
      partitions.push({ ...partition, unsent });
    }
  }
  const sequences = await readSequences(client, [...named.values()]);
  return sequences.length === 0 && partitions.length === 0 ? null : { sequences, partitions };
}

/** Those that the plan has came with their rows, in the copy or since. */
export function knownPartitions(plan: PipelinePlan): Map<string, boolean> {
  const partitions = plan.namespaces.flatMap(
    ({ definition }) => (definition as TableDefinition | undefined)?.partitions ?? [],
  );
  return new Map(partitions.map(({ schema, name }) => [formatNamespace(schema, name), false]));
}

/**
 * Whether rows were in the table before it became a partition, which says nothing to those who follow its root. One
 * that was created as a partition was so from the same transaction on, and had no row before.
 */
async function holdsUnsentRows(
  client: pg.Client,
  { schema, name, partitionBy, leftOut }: PartitionDefinition,
): Promise<boolean> {
  // Of one that is left out none are sent, and this is no question for a foreign server.
  if (partitionBy !== null || (leftOut ?? null) !== null) return false;
  const sql = qualifiedName(schema, name);
  const { rows } = await client.query<{ unsent: boolean }>(
    `SELECT EXISTS (
       SELECT FROM ONLY ${sql} r CROSS JOIN (
         SELECT i.xmin AS attached, i.cmin::text::int8 AS command, a.xmin AS created
         FROM pg_catalog.pg_partition_ancestors($1::regclass) p
         JOIN pg_catalog.pg_inherits i ON i.inhrelid = p.relid
         JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid AND a.attname = 'tableoid') t
       WHERE (t.created <> t.attached AND age(r.xmin) > age(t.attached))
         OR (r.xmin = t.attached AND r.xmax = '0' AND r.cmin::text::int8 < t.command)) AS unsent`,
    [sql],
  );
  return rows[0]?.unsent === true;
}

interface NamedSequence {
  schema: string;
  name: string;
  definition?: StandaloneSequence;
}

async function readSequences(
  client: pg.Client,
  named: readonly NamedSequence[],
): Promise<SideState['sequences']> {
  if (named.length === 0) return [];
  const readable = await client.query<{ schema: string; name: string }>(
    `SELECT w.schema, w.name FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE ${maySequence('c.oid', 'SELECT')}`,
    [named.map((sequence) => sequence.schema), named.map((sequence) => sequence.name)],
  );
  if (readable.rows.length === 0) return [];
  const selects = readable.rows.map(
    ({ schema, name }) =>
      `SELECT ${quoteLiteral(schema)} AS schema, ${quoteLiteral(name)} AS name,` +
      ` last_value::text AS "lastValue", is_called AS "isCalled" FROM ${qualifiedName(schema, name)}`,
  );
  const { rows } = await client.query<SideState['sequences'][number]>(selects.join(' UNION ALL '));
  const definitions = new Map(
    named.map(({ schema, name, definition }) => [qualifiedName(schema, name), definition]),
  );
  return rows.map((row) => {
    const definition = definitions.get(qualifiedName(row.schema, row.name));
    return definition === undefined ? row : { ...row, definition };
  });
}
