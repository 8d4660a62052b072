import type pg from 'pg';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { Position } from '../../../../shared/change/position.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { lsnToPosition, parseLsn, positionToLsn, type Lsn } from '../connection/lsn.ts';

/**
 * Which log positions belong to: system, timeline and database. A restored or failed over server has another
 * timeline, and LSNs of two timelines compare only up to where the one left the other.
 */
export async function readLogIdentity(replication: pg.Client): Promise<string> {
  const { rows } = await replication.query<{ systemid: string; timeline: number; dbname: string }>(
    'IDENTIFY_SYSTEM',
  );
  const { systemid, timeline, dbname } = rows[0]!;
  return `${systemid}/${timeline}/${dbname}`;
}

/** Where nothing is followed, any timeline will do: it is 0. */
export async function readDataIdentity(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ identity: string }>(
    `SELECT system_identifier || '/0/' || current_database() AS identity FROM pg_control_system()`,
  );
  return rows[0]!.identity;
}

export function requireIdentity(known: string, identity: string): void {
  if (known === identity) return;
  const parts = ['system identifier', 'timeline', 'database'];
  const before = known.split('/');
  const now = identity.split('/');
  const differences = parts.flatMap((part, i) =>
    before[i] === now[i] ? [] : [`${part} ${before[i] ?? 'none'} became ${now[i] ?? 'none'}`],
  );
  throw new WeirError(
    'POSITION_LOST',
    `The source is not the server that the target was filled from (${differences.join(', ')}): it was restored or replaced, so positions in its log do not compare; run \`weir reset\` and copy again.`,
  );
}

/**
 * Requires that the log goes on from the one that the target was filled from, and returns whether it does so on a later
 * timeline: that of a standby which was promoted. What the target holds must be older than the promotion, because
 * the primary may have gone on beyond it; positions behind it would then mean something else.
 */
export async function requireSameLog(options: {
  replication: pg.Client;
  known: PipelinePlan;
  identity: string;
  /** The furthest that the target holds, copies included. */
  reached: Position;
  logEnd: Lsn;
}): Promise<'same' | 'promoted'> {
  const { replication, known, identity, reached, logEnd } = options;
  const [system, before, database] = known.identity.split('/');
  const [systemNow, now, databaseNow] = identity.split('/');
  const isOther = system !== systemNow || database !== databaseNow;
  if (isOther || Number(now) < Number(before)) requireIdentity(known.identity, identity);
  const fork =
    before === now ? undefined : await readFork(replication, Number(now), Number(before));
  if (fork === null) requireIdentity(known.identity, identity);
  else if (fork !== undefined && reached > lsnToPosition(fork))
    throw new WeirError(
      'POSITION_LOST',
      `The source was failed over to a standby that had received its log up to ${fork} only (timeline ${before} became ${now}), and the target holds changes up to ${positionToLsn(reached)}, which the new primary never had: the two have diverged; run \`weir reset\` and copy again.`,
    );
  if (reached > lsnToPosition(logEnd))
    throw new WeirError(
      'POSITION_LOST',
      `The source's log ends at ${logEnd}, and the target holds changes up to ${positionToLsn(reached)}: the source was restored from an older state, and the two have diverged; run \`weir reset\` and copy again.`,
    );
  return before === now ? 'same' : 'promoted';
}

/** Where the log of timeline `now` left that of `before`; null where it does not come from there. */
async function readFork(replication: pg.Client, now: number, before: number): Promise<Lsn | null> {
  const { rows } = await replication.query<{ content: string | Buffer }>(`TIMELINE_HISTORY ${now}`);
  for (const line of String(rows[0]?.content ?? '').split('\n')) {
    const [, timeline, lsn] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line) ?? [];
    if (lsn !== undefined && Number(timeline) === before) return parseLsn(lsn);
  }
  return null;
}
