import { randomUUID } from 'node:crypto';
import { FIRST_POSITION } from '../../../../shared/change/position.ts';
import { TUPLES } from '../../../../shared/connector/data-type.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { SourceScope } from '../../../../shared/connector/source.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { SourceTable } from '../catalog/catalog.ts';
import { abortReason } from '../connection/abort-reason.ts';
import { connect, disconnect } from '../connection/connection.ts';
import { continuedPlan, needsSnapshot, newPlan, ownerOf } from './snapshot/copy-plan.ts';
import { lsnToPosition, type Lsn } from '../connection/lsn.ts';
import type { ServerFacts } from '../connection/server-facts.ts';
import { pipelineObjectName } from '../connection/names.ts';
import { requireLog, requireOwnSlot } from './own-slot.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { retryOnLockTimeout } from '../connection/retry-on-lock-timeout.ts';
import { alignPublications } from './publication.ts';
import { awaitInactiveSlot, createSlot, dropSlot, keepOnStandbys } from './replication-slot.ts';
import { followingProblems } from './source-check.ts';
import { noteSlotOwner, readSlotOwner } from './slot-owner.ts';
import { SnapshotReaders } from './snapshot/snapshot-readers.ts';
import { secureLeaves, stampsBeside } from './secure-leaves.ts';
import { readSnapshotMoment, type SnapshotMoment } from './snapshot/snapshot-moment.ts';
import type { Opening } from './opening.ts';
import { PostgresSourceSession } from './source-session.ts';

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
    const { identity, log } = await requireLog(exporter, opening);
    const slot = await awaitInactiveSlot(control, slotName, pipeline, signal);
    const owner = opening.owner ?? (known === null ? randomUUID() : ownerOf(known));
    await requireOwnSlot(opening, slot, owner, log);
    if (log === 'promoted')
      opening.log.info({ from: known?.identity, to: identity }, 'source was failed over, going on');
    if (known !== null && slot?.isForStandbys === false) {
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
    const reasons = textReasons(opening.scope, facts, moment.tables, known);
    const encoding = reasons.length === 0 ? 'binary' : 'text';
    if (known !== null) {
      requireKnownLanes(known, encoding, opening.scope.reached);
      const columns = known.namespaces.flatMap(({ relation }) => relation.columns);
      const was = columns.some((column) => column.encoding === 'binary') ? 'binary' : 'text';
      if (columns.length > 0 && was !== encoding)
        opening.log.info(
          { was, is: encoding, reasons },
          'changes come in another form than before',
        );
    }
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
 * Why the changes of all tables come as text; empty where they come in binary. The log has one form for the whole stream,
 * while each copy has that of its table.
 */
export function textReasons(
  { dataType }: Pick<SourceScope, 'dataType'>,
  { version }: Pick<ServerFacts, 'version'>,
  tables: readonly Pick<SourceTable, 'namespace' | 'textColumns' | 'isBinarySafe'>[],
  known: PipelinePlan | null,
): string[] {
  if (dataType === TUPLES) return ['the other end takes text'];
  if (version < 140_000) return ['PostgreSQL 13 sends text only'];
  // What it hashed was the key as it came, which is not to become another one for no need.
  const isUnrouted = known?.namespaces.some(
    ({ relation: { order, route, columns } }) =>
      order === 'key' && route === undefined && columns[0]?.encoding === 'text',
  );
  const inText = tables.find(({ isBinarySafe }) => !isBinarySafe);
  if (isUnrouted === true && inText !== undefined)
    return [`an earlier version began in text, for ${inText.namespace}`];
  return tables.flatMap(({ namespace, textColumns }) =>
    textColumns.map((column) => `${namespace}: ${column}`),
  );
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
    `an earlier version of Weir spread the changes of ${unknown.relation.namespace} over the lanes by their keys in ${was} form, which the source sends in ${encoding} form now (${cause}), and the lanes stand at different places; undo that, start the pipeline and stop it again when it has caught up, then repeat it; or run \`weir reset\` and copy again`,
  );
}
