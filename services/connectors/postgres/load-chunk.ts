import type { ClientBase } from 'pg';
import type { ChunkHead, ChunkOutcome } from '../../../shared/connector/sink.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { copyInto } from './change-statements.ts';
import { beginWithRows } from './contested-row.ts';
import { toRowError } from './row-error.ts';
import { runScript } from './script.ts';
import type { WriteTarget } from './write-target.ts';

/** What the bytes of a chunk are: this connector's data types, best first. */
export const DATA_TYPES = {
  'postgres.copy.binary': 'binary',
  'postgres.copy.text': 'text',
} as const;

/**
 * Loads a chunk in one transaction with its entry in the ledger. The entry is locked first, so that of two deliveries
 * one waits for the other and then finds the chunk present; a chunk that the ledger does not know is of a plan that
 * has been replaced, and nobody wants it any more.
 */
export async function loadChunk(
  client: ClientBase,
  pipeline: string,
  chunk: ChunkHead,
  target: WriteTarget,
  parts: AsyncIterable<Buffer>,
): Promise<ChunkOutcome> {
  const format = formatOf(chunk);
  const namespace = target.name.namespace;
  const [entry] = await beginWithRows<{ done: boolean }>(client, {
    table: 'weir.chunk',
    columns: 'done',
    where: 'r.pipeline = $1 AND r.id = $2',
    values: [pipeline, chunk.id],
  });
  const early = chunk.how === 'merge' && !(await isSettled(client, pipeline, chunk.namespace));
  if (entry?.done !== false || early) {
    await client.query('ROLLBACK');
    if (entry === undefined) return 'unwanted';
    return entry.done ? 'present' : 'early';
  }
  try {
    const count = { loaded: 0 };
    const watch = (_index: number, loaded: number): void => void (count.loaded = loaded);
    if (chunk.how === 'load')
      await runScript(client, copyInto(target, format), [{ messages: parts }], watch);
    else {
      for (const sql of beforeMerge(target)) await client.query(sql);
      const copy = `COPY pg_temp.weir_chunk FROM STDIN (FORMAT ${format})`;
      await runScript(client, copy, [{ messages: parts }], watch);
      // A row that moved may be in two chunks: they take turns.
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `weir merge into ${namespace}`,
      ]);
      for (const sql of mergeStatements(target)) await client.query(sql);
    }
    if (count.loaded !== chunk.rows())
      throw new WeirError(
        'INTERNAL',
        `chunk ${chunk.id} of ${chunk.namespace} brought ${count.loaded} rows where the source sent ${chunk.rows()}; nothing of it was kept`,
      );
    await client.query(
      'UPDATE weir.chunk SET done = true, batch_key = $3, rows = $4 WHERE pipeline = $1 AND id = $2',
      [pipeline, chunk.id, chunk.batchKey(), count.loaded],
    );
    await client.query('COMMIT');
    return 'loaded';
  } catch (error) {
    throw toRowError(error, namespace);
  }
}

/** Whether every lane has come to the instant that the namespace's missing chunks show. */
async function isSettled(
  client: ClientBase,
  pipeline: string,
  namespace: string,
): Promise<boolean> {
  const { rows } = await client.query<{ settled: boolean }>(
    `SELECT settled <= (SELECT min(position) FROM weir.lane l WHERE l.pipeline = n.pipeline) AS settled
     FROM weir.namespace n WHERE pipeline = $1 AND namespace = $2`,
    [pipeline, namespace],
  );
  return rows[0]?.settled === true;
}

function formatOf(chunk: ChunkHead): 'binary' | 'text' {
  const types: Readonly<Record<string, 'binary' | 'text'>> = DATA_TYPES;
  const format = types[chunk.dataType];
  if (format === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      `a PostgreSQL target cannot load "${chunk.dataType}"; it knows ${Object.keys(DATA_TYPES).join(' and ')}`,
    );
  return format;
}

/** COPY brings values as the target's own types here, text format included, so nothing is cast. */
function beforeMerge(target: WriteTarget): string[] {
  if (target.key.length === 0)
    throw new WeirError(
      'INTERNAL',
      `a chunk of ${target.name.namespace} is to be merged, but its rows have no key; nothing was written`,
    );
  const columns = target.columns.map((column) => `${column.name} ${column.type}`);
  return [`CREATE TEMP TABLE weir_chunk (${columns.join(', ')}) ON COMMIT DROP`];
}

function mergeStatements(target: WriteTarget): string[] {
  const names = target.columns.map((column) => column.name);
  const key = target.key.map(({ column }) => names[column]!);
  const match = target.key
    .map(({ equals }, i) => `t.${key[i]} ${equals} s.${key[i]}`)
    .join(' AND ');
  const insert = `INSERT INTO ${target.name.sql} (${names.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${names.join(', ')} FROM pg_temp.weir_chunk`;
  if (target.method === 'replace')
    return [`DELETE FROM ${target.name.sql} t USING pg_temp.weir_chunk s WHERE ${match}`, insert];
  // The key too: an equal one may be written differently, as 1.0 and 1.00 are.
  const sets = target.columns
    .filter((column) => !column.insertOnly)
    .map(({ name }) => `${name} = excluded.${name}`);
  const action = sets.length === 0 ? 'NOTHING' : `UPDATE SET ${sets.join(', ')}`;
  return [`${insert} ON CONFLICT (${key.join(', ')}) DO ${action}`];
}
