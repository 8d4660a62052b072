import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FIRST_POSITION } from '../../../../shared/change/position.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { abortReason } from '../connection/abort-reason.ts';
import { connect, disconnect } from '../connection/connection.ts';
import { lsnToPosition, type Lsn } from '../connection/lsn.ts';
import { pipelineObjectName } from '../connection/names.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { retryOnLockTimeout } from '../connection/retry-on-lock-timeout.ts';
import { changeForm } from './change-form.ts';
import type { Opening } from './opening.ts';
import { requireLog, requireOwnSlot } from './own-slot.ts';
import { alignPublications } from './publication.ts';
import { awaitInactiveSlot, createSlot, dropSlot, keepOnStandbys } from './replication-slot.ts';
import { secureLeaves, stampsBeside } from './secure-leaves.ts';
import { noteSlotOwner, readSlotOwner } from './slot-owner.ts';
import { slotSteps } from './slot-steps.ts';
import { continuedPlan, needsSnapshot, newPlan, ownerOf } from './snapshot/copy-plan.ts';
import { readSnapshotMoment, type SnapshotMoment } from './snapshot/snapshot-moment.ts';
import { SnapshotReaders } from './snapshot/snapshot-readers.ts';
import { followingProblems } from './source-check.ts';
import { PostgresSourceSession } from './source-session.ts';

/** Opens a pipeline that follows changes: publications, slot, and a snapshot where something is to be copied. */
export async function openFollowing(opening: Opening): Promise<PostgresSourceSession> {
  const { url, pipeline, control, signal } = opening;
  requireFollowable(opening);
  const exporter = await connect(url, {
    applicationName: `weir ${pipeline} snapshot`,
    replication: true,
  });
  // Making a slot waits for every open transaction of the server: the wait must be one that can be ended.
  const onAbort = (): void => void exporter.connection.stream.destroy();
  signal.addEventListener('abort', onAbort);
  const held: Held = { exporter, readers: null };
  try {
    const slot = await openSlot(opening, exporter);
    const moment = await takeSnapshot(opening, held, slot.snapshot);
    return await openSession(opening, held, slot, moment);
  } catch (error) {
    await (held.readers ? held.readers.close() : disconnect(exporter));
    if (signal.aborted) throw abortReason(signal);
    throw toPostgresError(error, `opening pipeline ${pipeline} at ${control.where}`);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What must be closed where opening fails: the readers, which have the connection then, or the connection alone. */
interface Held {
  exporter: pg.Client;
  readers: SnapshotReaders | null;
}

/** The pipeline's slot, and the snapshot that a slot was made with; null where nothing is to be copied. */
interface OpenSlot {
  identity: string;
  owner: string | undefined;
  /** Where its changes begin. */
  slotStart: Lsn | null;
  snapshot: { name: string; at: Lsn } | null;
}

function requireFollowable({ known, facts, control }: Opening): void {
  if (known !== null && facts.isStandby)
    throw new WeirError(
      'UNREACHABLE',
      `The source ${control.where} is a standby that was not promoted yet; promote it, or name the primary.`,
    );
  const problems = followingProblems(facts);
  if (problems.length > 0) throw new WeirError('SOURCE_UNFIT', problems.join(' '));
}

/** Makes sure that the log and the slot are this pipeline's, then does what `slotSteps` says. */
async function openSlot(opening: Opening, exporter: pg.Client): Promise<OpenSlot> {
  const { pipeline, control, facts, catalog, known, signal, scope } = opening;
  const slotName = pipelineObjectName(pipeline);
  const { identity, log } = await requireLog(exporter, opening);
  const slot = await awaitInactiveSlot(control, slotName, pipeline, signal);
  const owner = opening.owner ?? (known === null ? randomUUID() : ownerOf(known));
  await requireOwnSlot(opening, slot, owner, log);
  if (log === 'promoted')
    opening.log.info({ from: known?.identity, to: identity }, 'source was failed over, going on');
  const copies = known === null || needsSnapshot(known, catalog.tables, scope.mode);
  const steps = slotSteps(known !== null, slot, copies);
  if (steps.keepOnStandbys) {
    await keepOnStandbys(exporter, slotName);
    opening.log.info({ slot: slotName }, 'standbys may keep the replication slot from now on');
  }
  await retryOnLockTimeout(control, 'making the publications', signal, (client) =>
    alignPublications(
      client,
      pipeline,
      catalog.tables,
      known === null ? null : new Set(known.namespaces.map((n) => n.relation.namespace)),
    ),
  );
  if (steps.drop) await dropSlot(control, slotName);
  const state = opening.owner === undefined ? 'new' : 'kept';
  if (known === null) await noteSlotOwner(control, pipeline, { owner: owner!, state });
  const { make } = steps;
  if (make === null)
    return { identity, owner, slotStart: slot?.confirmedFlush ?? null, snapshot: null };
  const name = make === 'permanent' ? slotName : `${slotName}_copy`;
  const made = await createSlot(exporter, name, make, facts.version);
  const snapshot = { name: made.snapshot, at: made.consistentPoint };
  const slotStart = make === 'permanent' ? made.consistentPoint : (slot?.confirmedFlush ?? null);
  return { identity, owner, slotStart, snapshot };
}

async function takeSnapshot(
  { url, pipeline, control, catalog, scope }: Opening,
  held: Held,
  snapshot: OpenSlot['snapshot'],
): Promise<SnapshotMoment> {
  if (snapshot === null) {
    await disconnect(held.exporter);
    return { tables: catalog.tables, xmin: '0', stamps: new Map() };
  }
  held.readers = new SnapshotReaders({
    url,
    applicationName: `weir ${pipeline} copy`,
    exporter: held.exporter,
    snapshot: snapshot.name,
    isFollowed: true,
    stampsNow: stampsBeside(control),
  });
  return readSnapshotMoment(held.readers, catalog, scope);
}

async function openSession(
  opening: Opening,
  held: Held,
  { identity, owner, slotStart, snapshot }: OpenSlot,
  moment: SnapshotMoment,
): Promise<PostgresSourceSession> {
  const { pipeline, control, facts, known, scope } = opening;
  const { tables } = moment;
  const { encoding, reasons, was } = changeForm(scope, facts, tables, known);
  if (was !== undefined)
    opening.log.info({ was, is: encoding, reasons }, 'changes come in another form than before');
  const start = snapshot === null ? FIRST_POSITION : lsnToPosition(snapshot.at);
  const shared = { ...moment, scope, start, encoding, serverVersion: facts.version } as const;
  const plan = known
    ? continuedPlan({ ...shared, known: { ...known, identity } })
    : newPlan({ ...shared, identity, owner: owner! });
  if (held.readers !== null) await secureLeaves(opening, held.readers, plan, moment);
  // The snapshot holds back cleaning up at the server: not longer than somebody reads.
  if (held.readers !== null && plan.namespaces.every((n) => n.chunks.length === 0)) {
    await held.readers.close();
    held.readers = null;
  }
  const isNew = (await readSlotOwner(control, pipeline))?.state === 'new';
  const rest = { tables, encoding, readers: held.readers, slotStart } as const;
  return new PostgresSourceSession({ ...opening, plan, ...rest, newOwner: isNew ? owner! : null });
}
