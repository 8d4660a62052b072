import type { ClientBase } from 'pg';
import type { Position } from '../../../shared/change/position.ts';
import type { LaneBatch, LaneProgress } from '../../../shared/connector/sink.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { beginWithRows } from './contested-row.ts';
import { asLiteral, Parameters, type PutValue } from './parameters.ts';
import type { BoundRow } from './row-statements.ts';

/**
 * The progress of lanes: where each stands, who owns it, and what it has done so far. It moves in the transaction of
 * the data, by compare-and-set on everything it held before; that is the fence, and the guard against doing a batch
 * twice.
 */
export interface LaneRow {
  lane: number;
  epoch: string;
  reader_epoch: string;
  sequence: string;
  position: string;
}

export function toLaneProgress(row: LaneRow): LaneProgress {
  return {
    lane: row.lane,
    epoch: Number(row.epoch),
    readerEpoch: Number(row.reader_epoch),
    sequence: Number(row.sequence),
    position: row.position as Position,
  };
}

/**
 * Waits a little for an open transaction of an earlier owner on this lane, whose outcome decides where it stands, and
 * ends that transaction when it does not come to one.
 */
export async function openLane(
  client: ClientBase,
  pipeline: string,
  lane: number,
): Promise<LaneProgress> {
  await beginWithRows(client, {
    table: 'weir.lane',
    columns: 'lane',
    where: 'r.pipeline = $1 AND r.lane = $2',
    values: [pipeline, lane],
  });
  const { rows } = await client.query<LaneRow>(
    `UPDATE weir.lane SET epoch = epoch + 1 WHERE pipeline = $1 AND lane = $2
     RETURNING lane, epoch, reader_epoch, sequence, position`,
    [pipeline, lane],
  );
  await client.query('COMMIT');
  if (rows[0] === undefined)
    throw new WeirError(
      'TARGET_NOT_READY',
      `the target has no lane ${lane} of the pipeline "${pipeline}" yet; it comes with the plan when the reader starts`,
    );
  return toLaneProgress(rows[0]);
}

/**
 * One statement that moves a lane and adds to its counts; it touches no row at all if the lane is not at `before`, or
 * if it brings changes and there are parked rows, which some of them may have to wait behind.
 */
export function progressStatement(pipeline: string, batch: LaneMove): string {
  const move = flowingMove(pipeline, batch, asLiteral);
  const counting = countStatements(pipeline, batch, 'moved', asLiteral);
  const last = counting.pop();
  if (last === undefined) return move;
  const others = counting.map((sql, i) => `, counted${i} AS (${sql})`).join('');
  return `WITH moved AS (${move} RETURNING lane)${others} ${last}`;
}

/**
 * The same to be prepared, and to be sent with what follows it in one go: where it moves nothing it fails, by dividing
 * by zero, so that the server does nothing of what comes behind it.
 */
export function progressOrFailure(pipeline: string, batch: LaneMove): BoundRow {
  const parameters = new Parameters();
  const { put } = parameters;
  const moved = `moved AS (${flowingMove(pipeline, batch, put)} RETURNING lane)`;
  const counted = countStatements(pipeline, batch, 'moved', put).map(
    (sql, i) => `counted${i} AS (${sql})`,
  );
  return parameters.bind(`WITH ${[moved, ...counted].join(', ')} SELECT 1 / count(*) FROM moved`);
}

type LaneMove = LaneStep & Partial<Pick<LaneBatch, 'changes'>>;

function flowingMove(pipeline: string, batch: LaneMove, put: PutValue): string {
  const flowing = (batch.changes?.length ?? 0) > 0 ? ' AND NOT parked' : '';
  return moveStatement(pipeline, batch, put) + flowing;
}

export type LaneStep = Pick<LaneBatch, 'before' | 'after' | 'counts' | 'filtered'>;

/** What adds a batch's counts, of what was applied and of what was left out, to those of the lanes that `lanes` gives. */
export function countStatements(
  pipeline: string,
  { counts, filtered }: Pick<LaneBatch, 'counts' | 'filtered'>,
  lanes: string,
  put: PutValue = asLiteral,
): string[] {
  return [
    ...(filtered === undefined ? [] : [countStatement(pipeline, filtered, lanes, 'filtered', put)]),
    ...(counts.size === 0 ? [] : [countStatement(pipeline, counts, lanes, 'count', put)]),
  ];
}

/**
 * Compare-and-set of a lane from `before` to `after`. A reader that has begun since then has put its epoch into the
 * lane, which then takes that reader's frames only.
 */
export function moveStatement(
  pipeline: string,
  { before, after }: LaneStep,
  put: PutValue = asLiteral,
): string {
  const epoch = put(after.readerEpoch, 'bigint');
  return `UPDATE weir.lane SET reader_epoch = ${epoch}, sequence = ${put(after.sequence, 'bigint')}, position = ${put(after.position, 'text')} WHERE pipeline = ${put(pipeline, 'text')} AND lane = ${put(before.lane, 'integer')} AND epoch = ${put(before.epoch, 'bigint')} AND position = ${put(before.position, 'text')} AND (reader_epoch, sequence) IN ((${put(before.readerEpoch, 'bigint')}, ${put(before.sequence, 'bigint')}), (${epoch}, 0))`;
}

/** Adds to the counts of the lanes that `lanes`, a relation with a column of that name, gives. */
export function countStatement(
  pipeline: string,
  counts: LaneBatch['counts'],
  lanes: string,
  table: 'count' | 'filtered' = 'count',
  put: PutValue = asLiteral,
): string {
  const values = [...counts].map(([namespace, n]) => {
    const added = [n.inserts, n.updates, n.deletes, n.truncates].map((each) => put(each, 'bigint'));
    return `(${[put(namespace, 'text'), ...added].join(', ')})`;
  });
  return `INSERT INTO weir.${table} AS c (pipeline, lane, namespace, inserts, updates, deletes, truncates) SELECT ${put(pipeline, 'text')}, l.lane, v.* FROM ${lanes} l, (VALUES ${values.join(', ')}) v ${ADD_COUNTS}`;
}

/** For inserts into `weir.count AS c`. */
export const ADD_COUNTS = `ON CONFLICT (pipeline, lane, namespace) DO UPDATE SET inserts = c.inserts + excluded.inserts, updates = c.updates + excluded.updates, deletes = c.deletes + excluded.deletes, truncates = c.truncates + excluded.truncates`;

export function fencedLane(batch: Pick<LaneBatch, 'before'>): WeirError {
  return new WeirError(
    'FENCED',
    `lane ${batch.before.lane} is no longer at epoch ${batch.before.epoch}, sequence ${batch.before.sequence}: another writer has it, or this batch is in already`,
    { details: { lane: batch.before.lane, epoch: batch.before.epoch } },
  );
}

export async function arriveAtBarrier(
  client: ClientBase,
  pipeline: string,
  lane: LaneProgress,
  position: Position,
): Promise<boolean> {
  const { rowCount } = await client.query(
    'UPDATE weir.lane SET barrier = $4 WHERE pipeline = $1 AND lane = $2 AND epoch = $3',
    [pipeline, lane.lane, lane.epoch, position],
  );
  if (rowCount !== 1)
    throw new WeirError(
      'FENCED',
      `lane ${lane.lane} is no longer at epoch ${lane.epoch}: another writer has it`,
    );
  const { rows } = await client.query<{ all: boolean }>(
    `SELECT bool_and(position >= $2 OR COALESCE(barrier >= $2, false)) AS all
     FROM weir.lane WHERE pipeline = $1`,
    [pipeline, position],
  );
  return rows[0]?.all === true;
}

export async function barrierDone(
  client: ClientBase,
  pipeline: string,
  position: Position,
): Promise<boolean> {
  const { rows } = await client.query<{ done: boolean }>(
    'SELECT position >= $2 AS done FROM weir.lane WHERE pipeline = $1 AND lane = 0',
    [pipeline, position],
  );
  return rows[0]?.done === true;
}
