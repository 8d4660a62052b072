import type { ChangeRun, NetChanges } from '../../../../../shared/connector/sink.ts';
import { prepareStaging, runStatements } from '../apply/apply-changes.ts';
import {
  toMoveStatements,
  toStatements,
  usesOf,
  type Statement,
} from '../apply/change-statements.ts';
import { distinctRuns, netRows, type TargetOf } from './run-parts.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriterSession } from '../session/writer-session.ts';

const ALL_USES: StagingUse[] = ['rows', 'masked', 'deletes'];

/**
 * Applies runs in their order upon rows that may be of a later instant: while what an interrupted copy overlaps is
 * read again, a row may be there already, or gone already, and what holds between rows may not hold. Inserts and
 * updates put the row as it is then, whatever is there.
 */
export async function mergeRuns(
  session: WriterSession,
  runs: readonly ChangeRun[],
  targetOf: TargetOf,
): Promise<void> {
  const script: Statement[] = [];
  for (const run of runs) {
    const target = await targetOf(run);
    for (const part of distinctRuns(run)) {
      const net = toNet(part);
      const moves = part.kind === 'move' ? part.changes.filter(({ partial }) => partial) : [];
      const uses = moves.length > 0 ? ALL_USES : usesOf(net, target);
      await prepareStaging(session, [{ target, uses }]);
      const statements = session.staging.statementsOf(target);
      const emptied = uses.map((use) => ({ sql: statements.empty(use) }));
      script.push(...toStatements(net, target, session.staging), ...emptied);
      for (const move of moves)
        script.push(...toMoveStatements(move, target, session.staging), ...emptied);
    }
  }
  if (script.length > 0) await runStatements(session, script);
}

function toNet(run: ChangeRun): NetChanges {
  const { relation, kind, changes } = run;
  if (relation.identity === 'row') return netRows([run]);
  const net: NetChanges = { relation, upserts: [], partial: [], deletes: [] };
  for (const { key, row, partial } of changes) {
    if (kind === 'delete' || (kind === 'move' && !partial)) net.deletes.push(key);
    if (kind === 'delete' || (kind === 'move' && partial)) continue;
    (partial ? net.partial : net.upserts).push(row);
  }
  return net;
}
