import type { LaneBatch, NetChanges } from '../../../../../shared/connector/sink.ts';
import { fencedLane } from '../../../../../shared/state/lane-steps.ts';
import { progressOrFailure } from '../state/lane-progress.ts';
import { Parameters } from '../../connection/parameters.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import { RowRefused } from '../session/prepared-rows.ts';
import { toRowError } from '../../connection/row-error.ts';
import type { BoundRow } from '../../connection/bound-statement.ts';
import { countingUnmetRow, meetsRows, type UnmetKind, type UnmetStep } from './unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/**
 * Up to so many rows, statements for each cost less than staging them: a commit that empties staging tables takes 2 ms
 * of the server's time, whatever was in them. A pipeline at its ease has a row or two to a commit.
 */
export const MOST_ROWS = 64;
const NONE = Buffer.alloc(0);

export interface SmallBatch {
  rows: BoundRow[];
  /** Where each goes. */
  targets: WriteTarget[];
}

/**
 * The changes as statements for single rows, deletes first; null where there are too many, or where a table's rows
 * cannot be merged one by one because they hand values to each other or have no key.
 */
export function toSmallBatch(
  session: WriterSession,
  parts: readonly { changes: NetChanges; target: WriteTarget }[],
  step: UnmetStep | null,
  mostRows = MOST_ROWS,
): SmallBatch | null {
  const few: SmallBatch = { rows: [], targets: [] };
  let count = 0;
  for (const { changes, target } of parts) {
    const { upserts, partial, deletes } = changes;
    count += upserts.length + partial.length + deletes.length;
    if (count > mostRows || target.method !== 'merge') return null;
  }
  for (const { changes, target } of parts) {
    const statements = session.prepared.statementsOf(target);
    const { relation, deletes, upserts, partial, fresh = 0, passed = 0 } = changes;
    const meets = meetsRows(relation);
    const add = (row: BoundRow | null, kind: UnmetKind | null): void => {
      if (row === null) return;
      const isCounted = step !== null && kind !== null && meets;
      few.rows.push(isCounted ? countingUnmetRow(row, relation.namespace, step, kind) : row);
      few.targets.push(target);
    };
    for (const [i, key] of deletes.entries())
      add(
        statements.bind('delete', { key, row: NONE, partial: false }),
        i < deletes.length - passed ? 'deletes' : null,
      );
    for (const [i, row] of upserts.entries())
      add(statements.bindMerge(row), i < fresh ? null : 'updates');
    for (const row of partial)
      add(statements.bind('update', { key: NONE, row, partial: true }), 'updates');
  }
  return few;
}

export const BEGIN = new Parameters().bind('BEGIN');
export const COMMIT = new Parameters().bind('COMMIT');
const DIVISION_BY_ZERO = '22012';

/** The whole transaction, lane's progress first, is sent without waiting for answers: one round trip. */
export async function applySmallBatch(
  session: WriterSession,
  pipeline: string,
  batch: LaneBatch,
  few: SmallBatch,
): Promise<void> {
  const isFenced = (code: unknown): boolean => code === DIVISION_BY_ZERO;
  await runFewRows(session, [BEGIN, progressOrFailure(pipeline, batch)], few, (index, code) =>
    index === 1 && isFenced(code) ? fencedLane(batch) : null,
  );
}

/** The same without progress. */
export function writeSmallBatch(session: WriterSession, few: SmallBatch): Promise<void> {
  return runFewRows(session, [BEGIN], few, () => null);
}

async function runFewRows(
  session: WriterSession,
  start: readonly BoundRow[],
  { rows, targets }: SmallBatch,
  knownError: (index: number, code: unknown) => Error | null,
): Promise<void> {
  try {
    await session.prepared.run(session.client, [...start, ...rows, COMMIT]);
  } catch (error) {
    if (!(error instanceof RowRefused)) throw error;
    const { cause, index } = error;
    const target = targets[index - start.length];
    if (target !== undefined) throw toRowError(cause, target.name.namespace);
    const known = knownError(index, (cause as { code?: unknown }).code);
    throw known ?? toPostgresError(cause, 'writing changes to the target');
  }
}
