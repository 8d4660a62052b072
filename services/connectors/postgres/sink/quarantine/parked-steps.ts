import type { ClientBase } from 'pg';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { keyOf } from '../../../../../shared/change/tuple.ts';
import type {
  ParkedSelection,
  RetriedRow,
  RetrySteps,
} from '../../../../../shared/connector/parking.ts';
import type { DocumentWriter } from '../documents/document-writer.ts';
import { shapeOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import { settleParked } from './parked-entries.ts';
import { PAGE_ROWS, readLastId, wholeChains } from './parked-page.ts';

interface FailedEntry {
  relation: Relation;
  source: Relation;
  kind: 'upsert' | 'update' | 'delete' | 'move';
  key: Buffer | null;
  tuple: Buffer;
  copied: boolean;
  inserts: string;
}

export interface MendOptions {
  pipeline: string;
  retrySteps: RetrySteps | undefined;
  documents: DocumentWriter;
}

/**
 * Takes parked rows that a step failed for through the steps again, before a replay: those that pass become entries like
 * any other, at their place. No lane waits for it, because what a row comes to rests on the row alone.
 */
export async function mendParked(
  client: ClientBase,
  { pipeline, retrySteps, documents }: MendOptions,
  selection: ParkedSelection,
  after: number,
  until: number | null,
): Promise<void> {
  if (retrySteps === undefined) return;
  const { sql, value } = wholeChains(selection);
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM weir.parked p WHERE pipeline = $1 AND id > $2 AND id <= $4 AND source IS NOT NULL AND ${sql}
     ORDER BY id LIMIT ${PAGE_ROWS}`,
    [pipeline, after, value, until ?? (await readLastId(client, pipeline))],
  );
  for (const { id } of rows) await mendOne(client, { pipeline, retrySteps, documents }, id);
}

async function mendOne(
  client: ClientBase,
  { pipeline, retrySteps, documents }: MendOptions & { retrySteps: RetrySteps },
  id: string,
): Promise<void> {
  const still = 'id = $1 AND source IS NOT NULL';
  const { rows } = await client.query<FailedEntry>(
    `SELECT relation, source, kind, key, tuple, copied, inserts FROM weir.parked WHERE ${still}`,
    [id],
  );
  const entry = rows[0];
  if (entry === undefined) return;
  const isPartial = entry.kind === 'update';
  const made = await retrySteps(entry.source, changeOf(entry), entry.tuple, isPartial);
  if ('failure' in made) {
    await client.query(`UPDATE weir.parked SET reason = $2 WHERE ${still}`, [id, made.failure]);
    return;
  }
  const mended = mendedEntry(entry, made);
  if (mended === null) {
    await client.query(settleParked(pipeline, `id = ${id} AND source IS NOT NULL`));
    return;
  }
  const { relation, kind, key, tuple } = mended;
  const own = mended.own === null ? null : await documents.placeOf(client, relation, mended.own);
  const elsewhere = made.elsewhere.length > 0 ? JSON.stringify(made.elsewhere) : null;
  await client.query(
    `UPDATE weir.parked SET source = NULL, relation = $2::jsonb, shape = $3, kind = $4, key = $5, tuple = $6, chain = $7, namespace = $8, elsewhere = $9::jsonb,
       reason = 'the steps have been done to it by now' WHERE ${still}`,
    [
      id,
      JSON.stringify(relation),
      own?.shape ?? shapeOf(relation),
      kind,
      key,
      tuple,
      own?.chain ?? null,
      relation.namespace,
      elsewhere,
    ],
  );
}

/** An entry is one change, so what it counts says what it was. */
function changeOf({ copied, kind, inserts }: FailedEntry): Parameters<RetrySteps>[1] {
  if (copied) return 'copy';
  if (kind === 'delete' || kind === 'move') return kind;
  return Number(inserts) > 0 ? 'insert' : 'update';
}

/** Null: there is nothing to be done at the target. `own`: what tells its row from others, bare. */
function mendedEntry(entry: FailedEntry, { relation, tuple, partial }: RetriedRow) {
  const { kind, key } = entry;
  if (tuple === null) {
    // The target may have the row of that key.
    if (relation.identity !== 'key' || key === null) return null;
    return { relation, kind: 'delete', key, tuple: null, own: key };
  }
  if (relation.identity === 'none')
    return { relation, kind: 'upsert', key: null, tuple, own: null };
  if (relation.identity === 'row') {
    const deleted = kind === 'delete';
    return {
      relation,
      kind: deleted ? 'delete' : 'upsert',
      key: deleted ? tuple : null,
      tuple: deleted ? null : tuple,
      own: tuple.subarray(2),
    };
  }
  const own = keyOf(tuple, relation.key);
  if (kind === 'move') return { relation, kind, key, tuple, own };
  return { relation, kind: partial ? 'update' : 'upsert', key: null, tuple, own };
}
