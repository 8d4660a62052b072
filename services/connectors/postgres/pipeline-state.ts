import type pg from 'pg';
import type { Position } from '../../../shared/change/position.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import type { ParkedCounts } from '../../../shared/connector/parking.ts';
import type {
  ChangeCounts,
  PipelineProgress,
  PipelineState,
} from '../../../shared/connector/sink.ts';
import type { Chunk, KeptState } from '../../../shared/connector/source.ts';
import type { DesiredState } from '../../../shared/progress/desired-state.ts';
import { beginWithRows } from './contested-row.ts';
import { toLaneProgress, type LaneRow } from './lane-progress.ts';
import { ensureStateTables, openStateTables } from './state-tables.ts';

interface PipelineRow {
  reader_epoch: string;
  identity: string | null;
  start: string | null;
  snapshot: unknown;
  lanes: number | null;
  ordering: PipelineState['order'];
  desired: DesiredState;
  kept: unknown;
}

interface NamespaceRow {
  namespace: string;
  relation: Relation;
  definition: unknown;
  start: string;
  settled: string;
  ready: boolean;
  chunks_done: string;
  rows_done: string;
  rows_filtered: string;
  chunks: Chunk[];
}

const NAMESPACES = `
SELECT n.namespace, n.relation, n.definition, n.start, n.settled, n.ready,
  count(c.id) FILTER (WHERE c.done) AS chunks_done,
  COALESCE(sum(c.rows) FILTER (WHERE c.done), 0) AS rows_done,
  COALESCE(sum(c.filtered) FILTER (WHERE c.done), 0) AS rows_filtered,
  COALESCE(jsonb_agg(c.chunk ORDER BY c.id) FILTER (WHERE NOT c.done), '[]') AS chunks
FROM weir.namespace n LEFT JOIN weir.chunk c USING (pipeline, namespace)
WHERE n.pipeline = $1 GROUP BY n.pipeline, n.namespace ORDER BY n.namespace COLLATE "C"`;

const COUNTS = `
SELECT namespace, sum(inserts) AS inserts, sum(updates) AS updates, sum(deletes) AS deletes,
  sum(truncates) AS truncates
FROM weir.count WHERE pipeline = $1 GROUP BY namespace`;

const FILTERED = COUNTS.replace('weir.count', 'weir.filtered');

const UNMET = `
SELECT namespace, 0 AS inserts, sum(updates) AS updates, sum(deletes) AS deletes, 0 AS truncates
FROM weir.unmet WHERE pipeline = $1 GROUP BY namespace`;

const PARKED = `
SELECT namespace, count(*) AS entries, count(*) FILTER (WHERE copied) AS rows, sum(inserts) AS inserts,
  sum(updates) AS updates, sum(deletes) AS deletes, 0 AS truncates
FROM weir.parked WHERE pipeline = $1 GROUP BY namespace`;

const DISCARDED = `
SELECT namespace, inserts, updates, deletes, truncates FROM weir.discarded WHERE pipeline = $1`;

/** All of it as of one moment; null before a plan has been stored. */
/** Null where a reader has begun at most. */
export async function readState(
  client: pg.Client,
  pipeline: string,
): Promise<PipelineState | null> {
  return inOneSnapshot(client, async () => {
    const row = await readPipeline(client, pipeline);
    if (row === null) return null;
    const progress = await progressOf(client, pipeline, row);
    const namespaces = await client.query<NamespaceRow>(NAMESPACES, [pipeline]);
    return {
      ...progress,
      order: row.ordering,
      kept: row.kept,
      plan: {
        identity: row.identity ?? '',
        start: row.start as Position,
        snapshot: row.snapshot,
        lanes: row.lanes ?? progress.lanes.length,
        namespaces: namespaces.rows.map((each) => ({
          relation: each.relation,
          definition: each.definition,
          start: each.start as Position,
          settled: each.settled as Position,
          state: each.ready ? 'ready' : 'copying',
          chunks: each.chunks,
          chunksDone: Number(each.chunks_done),
          rowsDone: Number(each.rows_done),
          rowsFiltered: Number(each.rows_filtered),
        })),
      },
    };
  });
}

export async function readProgress(
  client: pg.Client,
  pipeline: string,
): Promise<PipelineProgress | null> {
  return inOneSnapshot(client, async () => {
    const row = await readPipeline(client, pipeline);
    return row === null ? null : progressOf(client, pipeline, row);
  });
}

async function inOneSnapshot<T>(client: pg.Client, read: () => Promise<T>): Promise<T | null> {
  if (!(await openStateTables(client))) return null;
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await read();
  } finally {
    await client.query('ROLLBACK');
  }
}

async function readPipeline(client: pg.Client, pipeline: string): Promise<PipelineRow | null> {
  const { rows } = await client.query<PipelineRow>(
    `SELECT reader_epoch, identity, start, snapshot, lanes, ordering, desired, kept FROM weir.pipeline WHERE name = $1`,
    [pipeline],
  );
  const row = rows[0];
  return row === undefined || row.start === null ? null : row;
}

async function progressOf(
  client: pg.Client,
  pipeline: string,
  row: PipelineRow,
): Promise<PipelineProgress> {
  // A lane that has come to a barrier which was carried out is behind it, though its owner may not have noted so: what
  // is sent to it again would be chosen by the key and the rule of now, and not by those of before the barrier.
  const lanes = await client.query<LaneRow>(
    `SELECT l.lane, l.epoch, l.reader_epoch, l.sequence,
       CASE WHEN l.barrier <= e.position THEN greatest(l.position, l.barrier) ELSE l.position END AS position
     FROM weir.lane l JOIN weir.lane e ON e.pipeline = l.pipeline AND e.lane = 0
     WHERE l.pipeline = $1 ORDER BY l.lane`,
    [pipeline],
  );
  const unfinished = await client.query<{ namespace: string }>(
    'SELECT namespace FROM weir.namespace WHERE pipeline = $1 AND NOT (ready AND linked)',
    [pipeline],
  );
  return {
    readerEpoch: Number(row.reader_epoch),
    desired: row.desired,
    lanes: lanes.rows.map(toLaneProgress),
    unfinished: unfinished.rows.map(({ namespace }) => namespace),
    applied: await readCounts<ChangeCounts>(client, COUNTS, pipeline),
    parked: await readCounts<ParkedCounts>(client, PARKED, pipeline),
    discarded: await readCounts<ChangeCounts>(client, DISCARDED, pipeline),
    filtered: await readCounts<ChangeCounts>(client, FILTERED, pipeline),
    unmet: await readCounts<ChangeCounts>(client, UNMET, pipeline),
  };
}

async function readCounts<Counts extends ChangeCounts>(
  client: pg.Client,
  sql: string,
  pipeline: string,
): Promise<Record<string, Counts>> {
  const { rows } = await client.query<Record<string, string>>(sql, [pipeline]);
  return Object.fromEntries(
    rows.map(({ namespace, ...counts }) => [
      namespace!,
      Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, Number(n)])) as never,
    ]),
  );
}

export async function writeDesired(
  client: pg.Client,
  pipeline: string,
  desired: DesiredState,
): Promise<boolean> {
  if (!(await openStateTables(client))) return false;
  const { rowCount } = await client.query(
    'UPDATE weir.pipeline SET desired = $2 WHERE name = $1 AND start IS NOT NULL',
    [pipeline, desired],
  );
  return rowCount === 1;
}

/** See `KeptState`. Written where it is new only. */
export async function writeKept(
  client: pg.Client,
  pipeline: string,
  { kept }: KeptState,
): Promise<void> {
  await client.query(
    'UPDATE weir.pipeline SET kept = $2::jsonb WHERE name = $1 AND kept IS DISTINCT FROM $2::jsonb',
    [pipeline, JSON.stringify(kept)],
  );
}

/**
 * Also the pipeline's first trace in the target. The first epoch is the time in seconds, so that what is left of a
 * pipeline of the same name, from before a reset, is of an earlier one. Returns when no frame of an earlier reader can be
 * committed.
 */
export async function beginReader(client: pg.Client, pipeline: string): Promise<number> {
  await ensureStateTables(client);
  const { rows } = await client.query<{ reader_epoch: string }>(
    `INSERT INTO weir.pipeline AS p (name, reader_epoch)
     VALUES ($1, extract(epoch FROM clock_timestamp())::bigint)
     ON CONFLICT (name) DO UPDATE SET reader_epoch = p.reader_epoch + 1 RETURNING reader_epoch`,
    [pipeline],
  );
  const epoch = Number(rows[0]!.reader_epoch);
  await fenceLanes(client, pipeline, epoch);
  return epoch;
}

/**
 * A writer may hold frames of an earlier reader, such as those of a table whose gate is shut, and the next plan may
 * copy that table anew: they must not come on top. Lane by lane, because each waits for the transaction that is open
 * on it; one that waits itself, for what the earlier reader will not send, is ended.
 */
async function fenceLanes(client: pg.Client, pipeline: string, epoch: number): Promise<void> {
  const { rows } = await client.query<{ lane: number }>(
    'SELECT lane FROM weir.lane WHERE pipeline = $1 ORDER BY lane',
    [pipeline],
  );
  for (const { lane } of rows) {
    await beginWithRows(client, {
      table: 'weir.lane',
      columns: 'lane',
      where: 'r.pipeline = $1 AND r.lane = $2',
      values: [pipeline, lane],
    });
    await client.query(
      `UPDATE weir.lane SET reader_epoch = $3, sequence = 0
       WHERE pipeline = $1 AND lane = $2 AND reader_epoch < $3`,
      [pipeline, lane, epoch],
    );
    await client.query('COMMIT');
  }
}
