import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { REFUSED } from '../../../../../shared/state/quarantine/quarantine-target.ts';
import { prepareStaging, runStatements } from '../apply/apply-changes.ts';
import type { Statement } from '../apply/change-statements.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/** The staging tables that careful writing may need; they are made before the transaction's first savepoint. */
export async function prepareIsolating(
  session: WriterSession,
  targets: Iterable<WriteTarget>,
): Promise<void> {
  const uses: StagingUse[] = ['rows', 'masked', 'deletes'];
  await prepareStaging(
    session,
    [...targets].map((target) => ({ target, uses })),
  );
}

const UNDO = 'ROLLBACK TO SAVEPOINT weir_attempt; RELEASE SAVEPOINT weir_attempt';

/** Runs a script in a savepoint; what the target refuses is undone and returned, any other failure is thrown. */
export async function attemptScript(
  session: WriterSession,
  statements: readonly Statement[],
  refusals = REFUSED,
): Promise<WeirError | null> {
  try {
    await runStatements(session, [
      { sql: 'SAVEPOINT weir_attempt' },
      ...statements,
      { sql: 'RELEASE SAVEPOINT weir_attempt' },
    ]);
    return null;
  } catch (error) {
    if (!(error instanceof WeirError) || !refusals.includes(error.code)) throw error;
    await session.client.query(UNDO);
    return error;
  }
}

/** What an attempt before this one has staged must not be applied again. Few rows: quicker than TRUNCATE. */
export function emptyStaging(session: WriterSession, target: WriteTarget): Statement[] {
  return session.staging.statementsOf(target).tables.map((table) => ({
    sql: `DELETE FROM ${table}`,
  }));
}
