import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { addBatch, moveLane, type LaneMove } from '../../../../../shared/state/lane-steps.ts';
import { asLiteral, Parameters, type PutValue } from '../../connection/parameters.ts';
import type { BoundRow } from '../../connection/bound-statement.ts';
import { addStatement, updateStatement } from './state-statements.ts';

/**
 * A lane moves in the transaction of the data: the step that moves it, as one statement that a batch begins with.
 */
type Move = LaneMove & Partial<Pick<LaneBatch, 'changes'>>;

/**
 * One statement that moves a lane and adds to its counts; it touches no row at all if the lane is not at `before`, or
 * if it brings changes and there are parked rows, which some of them may have to wait behind.
 */
export function progressStatement(pipeline: string, batch: Move): string {
  const move = flowingMove(pipeline, batch, asLiteral);
  const counting = countStatements(pipeline, batch, 'moved');
  const last = counting.pop();
  if (last === undefined) return move;
  const others = counting.map((sql, i) => `, counted${i} AS (${sql})`).join('');
  return `WITH moved AS (${move} RETURNING lane)${others} ${last}`;
}

/**
 * The same to be prepared, and to be sent with what follows it in one go: where it moves nothing it fails, by dividing
 * by zero, so that the server does nothing of what comes behind it.
 */
export function progressOrFailure(pipeline: string, batch: Move): BoundRow {
  const parameters = new Parameters();
  const { put } = parameters;
  const moved = `moved AS (${flowingMove(pipeline, batch, put)} RETURNING lane)`;
  const counted = countStatements(pipeline, batch, 'moved', put).map(
    (sql, i) => `counted${i} AS (${sql})`,
  );
  return parameters.bind(`WITH ${[moved, ...counted].join(', ')} SELECT 1 / count(*) FROM moved`);
}

function flowingMove(pipeline: string, batch: Move, put: PutValue): string {
  const flowing = (batch.changes?.length ?? 0) > 0 ? ' AND NOT parked' : '';
  return moveStatement(pipeline, batch, put) + flowing;
}

/** Compare-and-set of a lane from `before` to `after`. */
export function moveStatement(
  pipeline: string,
  batch: LaneMove,
  put: PutValue = asLiteral,
): string {
  const [move] = moveLane(batch);
  return updateStatement(pipeline, move, put);
}

/** What adds a batch's counts, of what was applied and of what was left out, to those of the lanes that `lanes` gives. */
export function countStatements(
  pipeline: string,
  batch: Omit<LaneMove, 'after'>,
  lanes: string,
  put: PutValue = asLiteral,
): string[] {
  return addBatch(batch).map((counts) => addStatement(pipeline, counts, lanes, put));
}
