import type { ChangeKind } from '../../../../../shared/change/change-kind.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { runStatements } from '../apply/apply-changes.ts';
import {
  copyInto,
  isBinary,
  toStatements,
  usesOf,
  type Statement,
} from '../apply/change-statements.ts';
import { toCopyMessages } from '../../connection/copy-in.ts';
import { netRows, type RunPart } from './run-parts.ts';
import { toKeyRows, toMaskedRows } from '../session/tuple-rows.ts';
import type { UnmetStep } from '../apply/unmet-changes.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/** Which staging tables a part needs. */
export function usesOfPart({ how, runs, target }: RunPart): StagingUse[] {
  if (how === 'rows') return [];
  if (how === 'net') return usesOf(netRows(runs), target);
  const { kind } = runs[0]!;
  if (kind === 'insert') return isBinary(target) ? [] : ['rows'];
  return kind === 'delete' ? ['deletes'] : ['masked'];
}

/**
 * Applies a part that is not `rows`, and leaves its staging tables empty. Where rows are missing that nothing here takes
 * away, those of `net` are counted, and the others taken for refused.
 */
export async function applySet(
  session: WriterSession,
  part: RunPart,
  counted: UnmetStep,
): Promise<void> {
  const { how, runs, target } = part;
  const step = target.losesRows ? undefined : counted;
  const statements = session.staging.statementsOf(target);
  const script = how === 'net' ? toStatements(netRows(runs), target, session.staging, 0, step) : [];
  const uses = usesOfPart(part);
  if (how === 'set') script.push(...setStatements(session, part, uses[0]));
  const { kind, changes } = runs[0]!;
  const expected = how === 'set' && mustMeet(kind, target) ? changes.length : 0;
  for (const use of uses) script.push({ sql: statements.empty(use) });
  if (script.length === 0) return;
  await runStatements(session, script, (index, rows) => {
    if (index === 1 && rows < expected) throw rowMissing(target);
  });
}

function setStatements(
  session: WriterSession,
  { runs, target }: RunPart,
  use: StagingUse | undefined,
): Statement[] {
  const { changes } = runs[0]!;
  const { namespace } = target.name;
  const rows = (): Buffer[] => changes.map(({ row }) => row);
  const load = (sql: string, staged: Iterable<Buffer>): Statement => ({
    sql,
    copy: { messages: toCopyMessages(staged), whole: true },
    namespace,
  });
  const sql = session.staging.statementsOf(target);
  switch (use) {
    case undefined:
      return [load(copyInto(target, 'binary'), rows())];
    case 'rows':
      return [load(sql.copy('rows'), rows()), { sql: sql.insertNew, namespace }];
    case 'masked':
      return [load(sql.copy('masked'), toMaskedRows(rows())), { sql: sql.update, namespace }];
    case 'deletes': {
      const keys = toKeyRows(
        changes.map(({ key }) => key),
        target.key.length,
      );
      return [load(sql.copy('deletes'), keys), { sql: sql.deleteKeys, namespace }];
    }
  }
}

/** Whether a change meets a row where both ends had the same. */
export function mustMeet(kind: ChangeKind, { losesRows }: WriteTarget): boolean {
  return kind === 'update' || kind === 'move' || (kind === 'delete' && !losesRows);
}

/** A row that is to be changed is not there: taken as refused, so that the rows are looked at one by one. */
export function rowMissing({ name }: WriteTarget): WeirError {
  return new WeirError('ROW_REFUSED', `a row of ${name.namespace} is missing at the target`);
}
