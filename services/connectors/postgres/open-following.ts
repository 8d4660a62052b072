import { randomUUID } from 'node:crypto';
import { FIRST_POSITION, maxPosition, type Position } from '../../../shared/change/position.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../shared/connector/source.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { abortReason } from './abort-reason.ts';
import { connect, disconnect } from './connection.ts';
import { continuedPlan, needsSnapshot, newPlan, ownerOf } from './copy-plan.ts';
import { lsnToPosition, positionToLsn, type Lsn } from './lsn.ts';
import { pipelineObjectName } from './names.ts';
import { toPostgresError } from './postgres-error.ts';
import { patiently } from './patiently.ts';
import { alignPublications } from './publication.ts';
import {
  awaitInactiveSlot,
  createSlot,
  dropSlot,
  keepOnStandbys,
  type SlotState,
} from './replication-slot.ts';
import { readLogIdentity, requireSameLog } from './source-identity.ts';
import { readLogEnd } from './server-facts.ts';
import { followingProblems } from './source-check.ts';
import { readGivenUp } from './slot-retention.ts';
import { noteSlotOwner, readSlotOwner, requireOwner, requireUnowned } from './slot-owner.ts';
import { SnapshotReaders } from './snapshot-readers.ts';
import { secureLeaves, stampsBeside } from './secure-leaves.ts';
import { readSnapshotMoment, type SnapshotMoment } from './snapshot-moment.ts';
import type { Opening } from './source.ts';
import { positionLost, PostgresSourceSession } from './source-session.ts';

/** Opens a pipeline that follows changes: publications, slot, and a snapshot where something is to be copied. */
export async function openFollowing(opening: Opening): Promise<PostgresSourceSession> {
  const { url, pipeline, control, facts, catalog, known, signal } = opening;
  if (known !== null && facts.isStandby)
    throw new WeirError(
      'UNREACHABLE',
      `The source ${control.where} is a standby that was not promoted yet; promote it, or name the primary.`,
    );
  const problems = followingProblems(facts);
  if (problems.length > 0) throw new WeirError('SOURCE_UNFIT', problems.join(' '));
  const slotName = pipelineObjectName(pipeline);
  const exporter = await connect(url, {
    applicationName: `weir ${pipeline} snapshot`,
    replication: true,
  });
  // Making a slot waits for every open transaction of the server: the wait must be one that can be ended.
  const onAbort = (): void => void exporter.connection.stream.destroy();
  signal.addEventListener('abort', onAbort);
  let readers: SnapshotReaders | null = null;
  try {
    const identity = await readLogIdentity(exporter);
    const least = opening.scope.reached?.least ?? known?.start ?? FIRST_POSITION;
    const log =
      known === null
        ? 'same'
        : await requireSameLog({
            replication: exporter,
            known,
            identity,
            reached: furthest(known, opening.scope.reached?.most ?? least),
            logEnd: await readLogEnd(control),
          });
    const slot = await awaitInactiveSlot(control, slotName, pipeline, signal);
    if (known !== null && slot === null) {
      const givenUp = await readGivenUp(control, pipeline);
      if (givenUp !== null) throw givenUp;
    }
    if (log === 'promoted' && slot === null) throw notOnPromoted(slotName, control.where, least);
    requireSlot(slot, slotName, known, least);
    const owner = opening.owner ?? (known === null ? randomUUID() : ownerOf(known));
    if (known === null) await requireUnowned(control, pipeline, slot, owner!);
    else await requireOwner(control, pipeline, owner);
    if (log === 'promoted')
      opening.log.info({ from: known?.identity, to: identity }, 'source was failed over, going on');
    if (known !== null && slot?.isForStandbys === false) {
      await keepOnStandbys(exporter, slotName);
      opening.log.info({ slot: slotName }, 'standbys may keep the replication slot from now on');
    }
    await patiently(control, 'making the publications', signal, (client) =>
      alignPublications(
        client,
        pipeline,
        catalog.tables,
        known === null ? null : new Set(known.namespaces.map((n) => n.relation.namespace)),
      ),
    );
    const copies = known === null || needsSnapshot(known, catalog.tables, opening.scope.mode);
    let slotStart: Lsn | null = slot?.confirmedFlush ?? null;
    if (known === null && slot !== null) await dropSlot(control, slotName);
    const state = opening.owner === undefined ? 'new' : 'kept';
    if (known === null) await noteSlotOwner(control, pipeline, { owner: owner!, state });
    const made = copies
      ? await createSlot(
          exporter,
          known === null ? slotName : `${slotName}_copy`,
          known === null ? 'permanent' : 'temporary',
          facts.version,
        )
      : null;
    if (known === null) slotStart = made!.consistentPoint;
    const start = made === null ? FIRST_POSITION : lsnToPosition(made.consistentPoint);
    let moment: SnapshotMoment = { tables: catalog.tables, xmin: '0', stamps: new Map() };
    if (made !== null) {
      const applicationName = `weir ${pipeline} copy`;
      const stampsNow = stampsBeside(control);
      const { snapshot } = made;
      readers = new SnapshotReaders({
        url,
        applicationName,
        exporter,
        snapshot,
        isFollowed: true,
        stampsNow,
      });
      moment = await readSnapshotMoment(readers, catalog, opening.scope);
    } else await disconnect(exporter);
    const isBinary =
      opening.scope.dataType !== TUPLES &&
      facts.version >= 140_000 &&
      moment.tables.every((t) => t.isBinarySafe);
    const encoding = isBinary ? 'binary' : 'text';
    if (known !== null) requireKnownLanes(known, encoding, opening.scope.reached);
    const serverVersion = facts.version;
    const shared = { ...moment, scope: opening.scope, start, encoding, serverVersion } as const;
    const plan = known
      ? continuedPlan({ ...shared, known: { ...known, identity } })
      : newPlan({ ...shared, identity, owner: owner! });
    if (readers !== null) await secureLeaves(opening, readers, plan, moment);
    // The snapshot holds back cleaning up at the server: not longer than somebody reads.
    if (readers !== null && plan.namespaces.every((n) => n.chunks.length === 0)) {
      await readers.close();
      readers = null;
    }
    const { tables } = moment;
    const isNew = (await readSlotOwner(control, pipeline))?.state === 'new';
    const newOwner = isNew ? owner! : null;
    const rest = { tables, encoding, readers, slotStart, newOwner } as const;
    return new PostgresSourceSession({ ...opening, plan, ...rest });
  } catch (error) {
    await (readers ? readers.close() : disconnect(exporter));
    if (signal.aborted) throw abortReason(signal);
    throw toPostgresError(error, `opening pipeline ${pipeline} at ${control.where}`);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Plans of earlier versions do not record what lanes follow from: it was the key as it was encoded. Where the stream
 * has another form by now, it is not known which of the changes behind the lane furthest behind the others have.
 */
export function requireKnownLanes(
  known: PipelinePlan,
  encoding: 'binary' | 'text',
  reached: SourceScope['reached'],
): void {
  if (reached === undefined || reached.least === reached.most) return;
  const unknown = known.namespaces.find(
    ({ relation }) =>
      relation.order === 'key' &&
      relation.route === undefined &&
      relation.columns[0]?.encoding !== encoding,
  );
  if (unknown === undefined) return;
  const [was, cause] =
    encoding === 'text'
      ? ['binary', 'a column without a portable binary form was added, or `transforms` were']
      : ['text', 'such a column is gone, `transforms` are, or the source was upgraded'];
  throw new WeirError(
    'CONFIG_INVALID',
    `an earlier version of Weir spread the changes of ${unknown.relation.namespace} over the lanes by their keys in ${was} form, which the source sends in ${encoding} form now (${cause}), and the lanes stand at different places; undo that, start the pipeline and stop it again when it has caught up, then repeat it; or run \`weir reset\` and copy anew`,
  );
}

/** What was copied under a snapshot came from that far, too. */
function furthest(known: PipelinePlan, lanes: Position): Position {
  return maxPosition([lanes, ...known.namespaces.map(({ settled }) => settled)]) ?? lanes;
}

function notOnPromoted(name: string, where: string, from: Position): WeirError {
  return new WeirError(
    'POSITION_LOST',
    `The source was failed over to ${where}, where there is no replication slot ${name}: changes committed after ${positionToLsn(from)} that the target does not hold are gone. Run \`weir reset\` and copy anew. For next time: from PostgreSQL 17 on a standby keeps the slot, with sync_replication_slots and hot_standby_feedback on, a primary_slot_name, and a dbname in primary_conninfo.`,
  );
}

export function requireSlot(
  slot: SlotState | null,
  name: string,
  known: PipelinePlan | null,
  from: Position,
): void {
  if (slot !== null && !slot.isOwnDatabase)
    throw new WeirError(
      'SOURCE_UNFIT',
      `The replication slot ${name} belongs to database ${slot.database} of the same server; give this pipeline another name.`,
    );
  if (slot !== null && slot.plugin !== 'pgoutput')
    throw new WeirError(
      'SOURCE_UNFIT',
      `The replication slot ${name} is of plugin ${slot.plugin} and not of Weir; give this pipeline another name.`,
    );
  if (known !== null && (slot === null || slot.isLost)) throw positionLost(name, slot, from);
}
