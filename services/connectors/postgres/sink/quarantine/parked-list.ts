import type { ClientBase } from 'pg';
import type { Position } from '../../../../../shared/change/position.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type {
  ParkedEntry,
  ParkedRow,
  ParkedSelection,
} from '../../../../../shared/connector/parking.ts';
import { readKey, readTuple } from '../isolate/refused-row.ts';
import { openStateTables } from '../state/state-tables.ts';

interface Row extends Omit<ParkedEntry, 'id' | 'key' | 'parkedAt' | 'untransformed'> {
  id: string;
  relation: Relation;
  source: Relation | null;
  position: Position;
  parked_at: Date;
  /** Bytes: of a listed entry its key, of a shown one all there is. */
  key: Buffer | null;
  tuple: Buffer | null;
}

const READ = `
SELECT id, namespace, relation, source, kind, key, tuple, copied, position, reason, parked_at FROM weir.parked p
WHERE pipeline = $1`;

/** The part of a WHERE that `selection` stands for, its value being parameter `$3`. */
export function selected(selection: ParkedSelection): { sql: string; value: unknown } {
  switch (selection.kind) {
    case 'all':
      return { sql: '$3::text IS NULL', value: null };
    case 'namespace':
      // Wherever its rows go: `OF_NAMESPACE`.
      return {
        sql: `(namespace = $3 OR starts_with(namespace, $3 || ' > '))`,
        value: selection.namespace,
      };
    case 'ids':
      return { sql: 'id = ANY($3::bigint[])', value: selection.ids };
  }
}

export async function listParked(
  client: ClientBase,
  pipeline: string,
  selection: ParkedSelection,
  after: number,
  limit: number,
): Promise<ParkedEntry[]> {
  if (!(await openStateTables(client))) return [];
  const { sql, value } = selected(selection);
  const { rows } = await client.query<Row>(
    `${READ} AND id > $2 AND ${sql} ORDER BY id LIMIT ${limit}`,
    [pipeline, after, value],
  );
  const entries: ParkedEntry[] = [];
  for (const row of rows) entries.push(await toEntry(client, row));
  return entries;
}

export async function showParked(
  client: ClientBase,
  pipeline: string,
  id: number,
): Promise<ParkedRow | null> {
  if (!(await openStateTables(client))) return null;
  const { rows } = await client.query<Row>(`${READ} AND id = $2`, [pipeline, id]);
  const row = rows[0];
  if (row === undefined) return null;
  const entry = await toEntry(client, row);
  const { relation, source, tuple, key } = row;
  if (tuple !== null)
    return { ...entry, values: await readTuple(client, source ?? relation, tuple) };
  // A delete: of a row that all its values tell from others they are the key.
  const values = relation.identity === 'row' ? await readTuple(client, relation, key!) : entry.key;
  return { ...entry, values: values ?? {} };
}

async function toEntry(client: ClientBase, row: Row): Promise<ParkedEntry> {
  const { namespace, kind, copied, reason, position, source } = row;
  return {
    id: Number(row.id),
    namespace,
    key: await readKey(client, row),
    kind,
    copied,
    untransformed: source !== null,
    reason,
    position,
    parkedAt: row.parked_at.toISOString(),
  };
}
