import type pg from 'pg';
import { qualifiedName, quoteLiteral } from './names.ts';
import { readTableDetails } from './table-catalog.ts';
import type { SideState } from './table-definition.ts';

/**
 * Reads where the sequences of the tables stand, and which partitions there are. A sequence that this role may not
 * read is left out (`check` says so). Null where there is nothing of either kind.
 */
export async function readSideState(
  client: pg.Client,
  oids: readonly number[],
): Promise<SideState | null> {
  const details = await readTableDetails(client, oids);
  const named = new Map<string, { schema: string; name: string }>();
  const partitions: SideState['partitions'] = [];
  for (const detail of details.values()) {
    for (const { schema, name } of detail.sequences)
      named.set(qualifiedName(schema, name), { schema, name });
    partitions.push(...detail.partitions);
  }
  const sequences = await readSequences(client, [...named.values()]);
  return sequences.length === 0 && partitions.length === 0 ? null : { sequences, partitions };
}

async function readSequences(
  client: pg.Client,
  named: readonly { schema: string; name: string }[],
): Promise<SideState['sequences']> {
  if (named.length === 0) return [];
  const readable = await client.query<{ schema: string; name: string }>(
    `SELECT w.schema, w.name FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE has_sequence_privilege(c.oid, 'SELECT')`,
    [named.map((sequence) => sequence.schema), named.map((sequence) => sequence.name)],
  );
  if (readable.rows.length === 0) return [];
  const selects = readable.rows.map(
    ({ schema, name }) =>
      `SELECT ${quoteLiteral(schema)} AS schema, ${quoteLiteral(name)} AS name,` +
      ` last_value::text AS "lastValue", is_called AS "isCalled" FROM ${qualifiedName(schema, name)}`,
  );
  const { rows } = await client.query<SideState['sequences'][number]>(selects.join(' UNION ALL '));
  return rows;
}
