import type pg from 'pg';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/**
 * Which log positions belong to: system, timeline and database. A restored or failed over server has another
 * timeline, and LSNs of two timelines do not compare.
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
    `The source is not the server that the target was filled from (${differences.join(', ')}): it was restored or failed over, so positions in its log do not compare; run \`weir reset\` and copy anew.`,
  );
}
