import type { Relation } from '../../../../../shared/change/relation.ts';
import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { toNetChanges, type Unit } from '../../../../../shared/state/quarantine/change-unit.ts';
import type {
  QuarantineTarget,
  Refusals,
} from '../../../../../shared/state/quarantine/quarantine-target.ts';
import { applyWithoutRefused } from '../../../../../shared/state/quarantine/without-refused.ts';
import { attemptScript, emptyStaging } from './attempt-script.ts';
import { toMoveStatements, toStatements } from '../apply/change-statements.ts';
import { findRefused } from './find-refused.ts';
import { parkedEntries } from '../state/parked-entries.ts';
import { readChains, readKeyChains } from './parked-keys.ts';
import { meetsRows, type UnmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

export interface PostgresTargetOptions {
  pipeline: string;
  /** Prepared with `prepareIsolating`. */
  targetOf: (relation: Relation) => Promise<WriteTarget>;
  /** Where they are written otherwise: rows that are not to be merged. */
  intoOf?: (relation: Relation) => WriteTarget;
  /** Counts what meets no row. */
  step?: UnmetStep;
}

/** Inside an open transaction: what is refused is undone by savepoints, and searched for by the server. */
export function postgresTarget(
  session: WriterSession,
  options: PostgresTargetOptions,
): QuarantineTarget {
  const { pipeline, targetOf, step } = options;
  const intoOf = async (relation: Relation): Promise<WriteTarget> =>
    options.intoOf?.(relation) ?? (await targetOf(relation));
  const attempt = async (
    relation: Relation,
    units: readonly Unit[],
    refusals?: Refusals,
  ): Promise<WeirError | null> => {
    const target = await intoOf(relation);
    return attemptScript(
      session,
      [
        ...emptyStaging(session, target),
        ...toStatements(toNetChanges(relation, units), target, session.staging, 0, step),
      ],
      refusals,
    );
  };
  return {
    parked: parkedEntries(session.client, pipeline),
    chainsOf: async (relation, units) =>
      readChains(session, await targetOf(relation), relation, units),
    keyChainsOf: async (relation, keys) =>
      readKeyChains(session, await targetOf(relation), relation, keys),
    attempt,
    applyIsolating: (relation, units, refusals) =>
      applyWithoutRefused(
        relation,
        units,
        (some) => attempt(relation, some, refusals),
        async (some) => findRefused(session, await intoOf(relation), relation, some, refusals),
      ),
    async attemptMove(relation, move, refusals) {
      const target = await intoOf(relation);
      const { namespace } = relation;
      const counted = step === undefined || !meetsRows(relation) ? undefined : { namespace, step };
      return attemptScript(
        session,
        [
          ...emptyStaging(session, target),
          ...toMoveStatements(move, target, session.staging, counted),
        ],
        refusals,
      );
    },
  };
}
