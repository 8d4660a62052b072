import type { ClientBase } from 'pg';
import type { ParkedSelection } from '../../../../../shared/connector/parking.ts';
import { clearMark, holdLanesPatiently } from './parked-entries.ts';
import { selected } from './parked-list.ts';
import { openStateTables } from '../state/state-tables.ts';
import { inTransaction } from '../target/target-ddl.ts';

/** Drops entries for good; what they stand for counts as discarded. */
export async function discardParked(
  client: ClientBase,
  pipeline: string,
  selection: ParkedSelection,
): Promise<number> {
  if (!(await openStateTables(client))) return 0;
  const { sql, value } = selected(selection);
  return inTransaction(client, async () => {
    await client.query(holdLanesPatiently(pipeline));
    const { rows } = await client.query<{ n: number }>(
      `WITH gone AS (
         DELETE FROM weir.parked WHERE pipeline = $1 AND id > $2 AND ${sql}
         RETURNING namespace, inserts, updates, deletes
       ), counted AS (
         INSERT INTO weir.discarded AS d (pipeline, namespace, inserts, updates, deletes, truncates)
         SELECT $1, namespace, sum(inserts), sum(updates), sum(deletes), 0 FROM gone GROUP BY namespace
         ON CONFLICT (pipeline, namespace) DO UPDATE SET inserts = d.inserts + excluded.inserts,
           updates = d.updates + excluded.updates, deletes = d.deletes + excluded.deletes
       ) SELECT count(*)::int AS n FROM gone`,
      [pipeline, 0, value],
    );
    await client.query(clearMark(pipeline));
    return rows[0]!.n;
  });
}
