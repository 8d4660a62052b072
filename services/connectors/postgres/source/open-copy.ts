import { connect, disconnect } from '../connection/connection.ts';
import { readSnapshotMoment } from './snapshot/snapshot-moment.ts';
import { continuedPlan, newPlan } from './snapshot/copy-plan.ts';
import { lsnToPosition } from '../connection/lsn.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { readLogEnd } from '../connection/server-facts.ts';
import { secureLeaves, stampsBeside } from './secure-leaves.ts';
import { SnapshotReaders } from './snapshot/snapshot-readers.ts';
import { readDataIdentity, requireIdentity } from '../catalog/source-identity.ts';
import type { Opening } from './opening.ts';
import { PostgresSourceSession } from './source-session.ts';

/** Opens a pipeline that only copies: a snapshot, and neither slot nor publication. */
export async function openCopy(opening: Opening): Promise<PostgresSourceSession> {
  const { url, pipeline, control, facts, catalog, scope, known } = opening;
  const start = lsnToPosition(await readLogEnd(control));
  const exporter = await connect(url, { applicationName: `weir ${pipeline} snapshot` });
  let readers: SnapshotReaders | null = null;
  try {
    await exporter.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await exporter.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
    const applicationName = `weir ${pipeline} copy`;
    const snapshot = rows[0]!.id;
    const stampsNow = stampsBeside(control);
    readers = new SnapshotReaders({
      url,
      applicationName,
      exporter,
      snapshot,
      isFollowed: false,
      stampsNow,
    });
    const moment = await readSnapshotMoment(readers, catalog, scope);
    const { tables, xmin } = moment;
    const serverVersion = facts.version;
    const identity = await control.run('reading the identity of the server', readDataIdentity);
    if (known !== null) requireIdentity(known.identity, identity);
    const shared = { tables, scope, start, encoding: 'text', serverVersion } as const;
    const plan = known
      ? continuedPlan({ ...shared, known })
      : newPlan({ ...shared, identity, xmin });
    await secureLeaves(opening, readers, plan, moment);
    const session = { ...opening, plan, tables, encoding: shared.encoding, readers };
    return new PostgresSourceSession({ ...session, slotStart: null, newOwner: null });
  } catch (error) {
    await (readers ? readers.close() : disconnect(exporter));
    throw toPostgresError(error, `taking a snapshot at ${control.where}`);
  }
}
