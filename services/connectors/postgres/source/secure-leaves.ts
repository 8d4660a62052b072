import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import {
  type LeafStamp,
  readLeafStamps,
  requireSameLeaf,
  writtenAnew,
} from './snapshot/leaf-stamp.ts';
import type { Opening } from './opening.ts';
import type { SnapshotMoment } from './snapshot/snapshot-moment.ts';
import type { SnapshotReaders } from './snapshot/snapshot-readers.ts';

/** What leaves are by now, whatever a snapshot shows. */
export function stampsBeside(
  control: ControlConnection,
): (oids: readonly number[]) => Promise<Map<number, LeafStamp>> {
  return (oids) => control.run('looking at the tables', (client) => readLeafStamps(client, oids));
}

/**
 * Makes sure that what the plan is about to copy is what the snapshot shows: leaves that an ALTER wrote anew since would be
 * read as empty. Where changes of structure are to wait for the copy, they do so from here on.
 */
export async function secureLeaves(
  { control, scope, signal }: Opening,
  readers: SnapshotReaders,
  plan: PipelinePlan,
  { tables, stamps }: SnapshotMoment,
): Promise<void> {
  const unfinished = new Set(
    plan.namespaces.filter(({ state }) => state !== 'ready').map((n) => n.relation.namespace),
  );
  const copied = tables.filter(({ namespace }) => unfinished.has(namespace));
  const leaves = copied.flatMap((table) => table.leaves);
  readers.expect(stamps);
  if (scope.onWaitingDdl === 'wait') await readers.hold(leaves, signal);
  const now = await stampsBeside(control)(leaves.map(({ oid }) => oid));
  for (const { relation, leaves: own } of copied)
    for (const { oid } of own) {
      const isMoved = requireSameLeaf(relation, stamps.get(oid), now.get(oid));
      // Where a stream tells what was emptied, each chunk looks for itself; one that is empty by now has none.
      if (isMoved && scope.mode === 'snapshot') throw writtenAnew(stamps.get(oid)!.name);
    }
}
