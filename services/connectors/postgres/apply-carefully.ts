import type { Relation } from '../../../shared/change/relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { keyOf } from '../../../shared/change/tuple.ts';
import { prepareStaging, runStatements } from './apply-changes.ts';
import { toStatements, type Statement } from './change-statements.ts';
import { toNetChanges, type Unit } from './parked-chain.ts';
import { toCopyMessages } from './copy-in.ts';
import type { StagingUse } from './write-statements.ts';
import { toKeyRows } from './tuple-rows.ts';
import type { WriteTarget } from './write-target.ts';
import type { WriterSession } from './writer-session.ts';

/** A unit that the target refuses, and why. */
export interface Refused {
  unit: Unit;
  error: WeirError;
}

/**
 * Applies net changes of one relation inside an open transaction, without those that the target refuses, which it
 * returns. The whole is tried first; what is refused then is found by halves, in about log n steps for each, and the
 * rest is tried again as a whole: rows may hand a unique value on to each other, which halves of them cannot.
 */
export async function applyCarefully(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<Refused[]> {
  const refused: Refused[] = [];
  let rest = units;
  while (rest.length > 0) {
    const error = await attemptUnits(session, target, relation, rest);
    if (error === null) break;
    // Where equal keys may differ in bytes, one of these units may be about the row of another.
    const found =
      relation.looseKey === true
        ? rest.map((unit) => ({ unit, error }))
        : await isolate(session, target, relation, rest);
    if (found.length === 0) throw error;
    refused.push(...found);
    const gone = new Set(found.map(({ unit }) => unit));
    rest = rest.filter((unit) => !gone.has(unit));
  }
  return refused;
}

/** The staging tables that `applyCarefully` may need; they are made before the transaction's first savepoint. */
export async function prepareCarefully(
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
): Promise<WeirError | null> {
  try {
    await runStatements(session, [
      { sql: 'SAVEPOINT weir_attempt' },
      ...statements,
      { sql: 'RELEASE SAVEPOINT weir_attempt' },
    ]);
    return null;
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'ROW_REFUSED') throw error;
    await session.client.query(UNDO);
    return error;
  }
}

/** Applies units of one relation, or none of them where one is refused. */
export function attemptUnits(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<WeirError | null> {
  return attemptScript(session, [
    ...emptyStaging(session, target),
    ...toStatements(toNetChanges(relation, units), target, session.staging),
  ]);
}

/** What an attempt before this one has staged must not be applied again. Few rows: quicker than TRUNCATE. */
export function emptyStaging(session: WriterSession, target: WriteTarget): Statement[] {
  return session.staging.statementsOf(target).tables.map((table) => ({
    sql: `DELETE FROM ${table}`,
  }));
}

/** Finds units that are refused, at least one where the whole was; leaves nothing changed. */
async function isolate(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<Refused[]> {
  const refused: Refused[] = [];
  const descend = async (some: readonly Unit[]): Promise<void> => {
    const error = await attemptUnits(session, target, relation, some);
    if (error === null) return;
    if (some.length === 1) return void refused.push({ unit: some[0]!, error });
    const middle = some.length >> 1;
    await descend(some.slice(0, middle));
    await descend(some.slice(middle));
  };
  await session.client.query('SAVEPOINT weir_isolate');
  if (target.method === 'replace') await clearTheWay(session, target, relation, units);
  await descend(units);
  await session.client.query('ROLLBACK TO SAVEPOINT weir_isolate; RELEASE SAVEPOINT weir_isolate');
  return refused;
}

/** Removes the rows that units replace, if it can: one half of the units must not meet values that the other half takes away. */
async function clearTheWay(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
): Promise<void> {
  const keys = units
    .filter(({ kind }) => kind !== 'update')
    .map(({ kind, bytes }) => (kind === 'delete' ? bytes : keyOf(bytes, relation.key)));
  if (keys.length === 0) return;
  const sql = session.staging.statementsOf(target);
  const { namespace } = target.name;
  const messages = toCopyMessages(toKeyRows(keys, relation.key.length));
  await attemptScript(session, [
    ...emptyStaging(session, target),
    { sql: sql.copy('deletes'), copy: { messages, whole: true }, namespace },
    { sql: sql.deleteKeys, namespace },
  ]);
}
