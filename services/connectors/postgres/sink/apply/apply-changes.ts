import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { fencedLane } from '../../../../../shared/state/lane-steps.ts';
import { toStatements, usesOf, type Statement } from './change-statements.ts';
import { applySmallBatch, toSmallBatch } from './small-batch.ts';
import type { InsertFastPath } from './insert-fast-path.ts';
import { progressStatement } from '../state/lane-progress.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import { toRowError } from '../../connection/row-error.ts';
import { runScript } from '../../connection/script.ts';
import { unmetStep } from './unmet-changes.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface ApplyOptions {
  /** Null: all rows are merged. */
  freshRows?: InsertFastPath | null;
  /** To follow the changes in their transaction. */
  statements?: readonly Statement[];
  /** False: the caller does. */
  commit?: boolean;
}

/**
 * Applies a batch in one transaction with the lane's progress: BEGIN, the fence, for each relation its COPYs and
 * set-based statements, COMMIT, all in one script; a few rows only have statements of their own instead, see
 * `small-batch.ts`. The fence comes first, so that an owner who lost the lane stops before it reads or changes anything, and the
 * lane's row is locked while it writes.
 *
 * A connection that breaks at COMMIT leaves the outcome open; the error is retryable and whoever opens the lane
 * again reads the outcome from its progress. Never commit twice.
 */
export async function applyChanges(
  session: WriterSession,
  pipeline: string,
  batch: LaneBatch,
  targets: readonly WriteTarget[],
  { freshRows = null, statements = [], commit = true }: ApplyOptions,
): Promise<void> {
  const parts = batch.changes.map((changes, i) => {
    const target = targets[i]!;
    return { changes, target, fresh: freshRows?.count(changes, target) ?? 0 };
  });
  const step = unmetStep(pipeline, batch);
  const few = commit && statements.length === 0 ? toSmallBatch(session, parts, step) : null;
  if (few !== null) return applySmallBatch(session, pipeline, batch, few);
  await prepareStaging(
    session,
    parts.map(({ changes, target, fresh }) => ({ target, uses: usesOf(changes, target, fresh) })),
  );
  const script: Statement[] = [
    { sql: 'BEGIN' },
    { sql: progressStatement(pipeline, batch) },
    ...parts.flatMap((part) =>
      toStatements(part.changes, part.target, session.staging, part.fresh, step),
    ),
    ...statements,
    ...(commit ? [{ sql: 'COMMIT' }] : []),
  ];
  await runStatements(session, script, (index, rows) => {
    if (index === 1 && rows === 0) throw fencedLane(batch);
  });
}

export async function prepareStaging(
  session: WriterSession,
  uses: { target: WriteTarget; uses: StagingUse[] }[],
): Promise<void> {
  const sql = session.staging.prepare(uses);
  if (sql.length === 0) return;
  try {
    await session.client.query(sql.join('; '));
  } catch (error) {
    throw toPostgresError(error, 'making staging tables at the target');
  }
}

/** Runs a script; what fails in a statement about a table is told as an error about a row of it. */
export async function runStatements(
  session: WriterSession,
  script: readonly Statement[],
  watch: (index: number, rows: number) => void = () => {},
): Promise<void> {
  let at = 0;
  try {
    await runScript(
      session.client,
      script.map((statement) => statement.sql).join(';\n'),
      script.flatMap((statement) => statement.copy ?? []),
      (index, rows) => {
        at = index + 1;
        watch(index, rows);
      },
    );
  } catch (error) {
    const namespace = script[at]?.namespace;
    throw namespace === undefined
      ? toPostgresError(error, 'writing changes to the target')
      : toRowError(error, namespace);
  }
}
