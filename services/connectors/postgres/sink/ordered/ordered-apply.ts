import type { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { prepareStaging } from '../apply/apply-changes.ts';
import { Parameters } from '../../connection/parameters.ts';
import { RowRefused } from '../session/prepared-rows.ts';
import { toRowError } from '../../connection/row-error.ts';
import type { BoundRow } from '../../connection/bound-statement.ts';
import type { RunPart } from './run-parts.ts';
import { applySet, mustMeet, rowMissing, usesOfPart } from './set-apply.ts';
import { countUncounted } from './uncounted-tables.ts';
import type { UnmetKind, UnmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import type { WriterSession } from '../session/writer-session.ts';

/** The change that was refused. */
export interface RefusedChange {
  error: WeirError;
  target: WriteTarget;
  /** Of the row as it was; null where the target did not say which of many. */
  key: Buffer | null;
}

interface Origin {
  target: WriteTarget;
  key: Buffer;
  namespace: string;
  kind: UnmetKind;
  /** So many rows touched mean that it met none; null where they tell nothing. */
  missingIf: 0 | 1 | null;
}

const AS_REPLICA = new Parameters().bind('SET LOCAL session_replication_role = replica');
const AS_ORIGIN = new Parameters().bind('SET LOCAL session_replication_role = origin');

/** A row that takes its own place is not one that goes: what ON DELETE says of those that refer to it must not be done. */
function withoutActing({ bypasses }: WriterSession, row: BoundRow): BoundRow[] {
  return row.statement.replaces && bypasses ? [AS_REPLICA, row, AS_ORIGIN] : [row];
}

/**
 * Makes the staging tables that the parts need, and sees that what is staged will be looked up in the tables by their
 * keys; before the savepoint that a refusal goes back to.
 */
export async function prepareParts(
  session: WriterSession,
  parts: readonly RunPart[],
): Promise<void> {
  const joined = new Set<string>();
  for (const part of parts) {
    const uses = usesOfPart(part);
    if (uses.length === 0) continue;
    await prepareStaging(session, [{ target: part.target, uses }]);
    joined.add(part.target.name.sql);
  }
  if (joined.size > 0) await countUncounted(session.client, [...joined]);
}

/**
 * Applies parts in their order, many rows at once where there are many of a kind. Throws ROW_REFUSED where the target
 * refuses any of it; a look at each row for itself then tells whether it must be.
 */
export async function applyParts(
  session: WriterSession,
  parts: readonly RunPart[],
  step: UnmetStep,
): Promise<void> {
  let rows: BoundRow[] = [];
  let expected: { index: number; target: WriteTarget }[] = [];
  const flush = async (): Promise<void> => {
    const sent = rows;
    rows = [];
    const touched = await session.prepared.run(session.client, sent);
    const missed = expected.find(({ index }) => touched[index] === 0);
    if (missed !== undefined) throw rowMissing(missed.target);
    expected = [];
  };
  try {
    for (const part of parts) {
      const { how, target, runs } = part;
      if (how !== 'rows') {
        await flush();
        await applySet(session, part, step);
        continue;
      }
      const statements = session.prepared.statementsOf(target);
      const { kind, changes } = runs[0]!;
      for (const change of changes) {
        const row = statements.bind(kind, change);
        if (row === null) continue;
        const bound = withoutActing(session, row);
        const index = rows.length + bound.indexOf(row);
        if (mustMeet(kind, target)) expected.push({ index, target });
        rows.push(...bound);
      }
    }
    await flush();
  } catch (error) {
    throw error instanceof RowRefused ? toRowError(error.cause, 'a table') : error;
  }
}

/**
 * The same with a statement for each row, exactly in the order of the source, and rows that are missing are put in, or
 * counted only where not all of them came. Gives the first change that is refused, or null. What was deleted without
 * having been there is not counted where the target itself may have taken it, as by a foreign key with another row.
 */
export async function applyOneByOne(
  session: WriterSession,
  parts: readonly RunPart[],
  step: UnmetStep,
  unmet: (namespace: string, kind: UnmetKind) => void,
): Promise<RefusedChange | null> {
  let rows: BoundRow[] = [];
  let origins: Origin[] = [];
  const flush = async (): Promise<void> => {
    const touched = await session.prepared.run(session.client, rows);
    for (const [i, { namespace, kind, missingIf }] of origins.entries())
      if (touched[i] === missingIf) unmet(namespace, kind);
    rows = [];
    origins = [];
  };
  let current = parts[0]?.target;
  try {
    for (const part of parts) {
      const { how, target, runs } = part;
      if (how === 'net') {
        await flush();
        current = target;
        await applySet(session, part, step);
        continue;
      }
      const statements = session.prepared.statementsOf(target);
      const { kind, changes, relation } = runs[0]!;
      const { namespace } = relation;
      for (const change of changes) {
        const row =
          kind === 'update' ? statements.bindUpsert(change) : statements.bind(kind, change);
        if (row === null) continue;
        const isPutIn = kind === 'update' && !change.partial;
        // What puts a row into the place of itself does not tell whether it was there.
        const missingIf = isPutIn ? (row.statement.replaces ? null : 1) : 0;
        for (const each of withoutActing(session, row)) {
          const tells = each === row && mustMeet(kind, target);
          rows.push(each);
          origins.push({
            ...{ target, key: change.key, namespace },
            kind: kind === 'delete' ? 'deletes' : 'updates',
            missingIf: tells ? missingIf : null,
          });
        }
      }
    }
    await flush();
    return null;
  } catch (thrown) {
    const origin = thrown instanceof RowRefused ? origins[thrown.index] : undefined;
    const target = origin?.target ?? current;
    if (target === undefined) throw thrown;
    const cause = thrown instanceof RowRefused ? thrown.cause : thrown;
    const error = toRowError(cause, target.name.namespace);
    if (error.code !== 'ROW_REFUSED') throw error;
    return { error, target, key: origin?.key ?? null };
  }
}
