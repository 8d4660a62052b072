import type { Refused } from './refused.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { attemptScript, emptyStaging, type Refusals } from './attempt-script.ts';
import { toStatements } from '../apply/change-statements.ts';
import { findRefused } from './find-refused.ts';
import { toNetChanges, type Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import type { UnmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/**
 * Applies net changes of one relation inside an open transaction, without those that the target refuses, which it
 * returns. The whole is tried first; where it is refused the units that are at fault are searched for, and the rest is
 * tried again as a whole: rows may hand a unique value on to each other, which parts of them cannot.
 */
export async function applyCarefully(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
  refusals?: Refusals,
  step?: UnmetStep,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  let rest = units;
  while (rest.length > 0) {
    const error = await attemptUnits(session, target, relation, rest, refusals, step);
    if (error === null) break;
    // One alone, or where equal keys may differ in bytes and one of these may be about the row of another.
    const found =
      rest.length === 1 || relation.looseKey === true
        ? rest.map((unit) => ({ unit, error }))
        : await findRefused(session, target, relation, rest, refusals);
    if (found.length === 0) throw error;
    refused.push(...found);
    const gone = new Set(found.map(({ unit }) => unit));
    rest = rest.filter((unit) => !gone.has(unit));
  }
  return refused;
}

/** Applies units of one relation, or none of them where one is refused. */
export function attemptUnits(
  session: WriterSession,
  target: WriteTarget,
  relation: Relation,
  units: readonly Unit[],
  refusals?: Refusals,
  step?: UnmetStep,
): Promise<WeirError | null> {
  const statements = [
    ...emptyStaging(session, target),
    ...toStatements(toNetChanges(relation, units), target, session.staging, 0, step),
  ];
  return attemptScript(session, statements, refusals);
}
