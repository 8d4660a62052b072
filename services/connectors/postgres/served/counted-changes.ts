import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { type Position, readPosition } from '../../../../shared/change/position.ts';
import type { PipelinePlan } from '../../../../shared/connector/plan.ts';
import type { ChangeReceiver } from '../../../../shared/connector/source.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import { runTogether } from '../../../../shared/lifecycle/run-together.ts';
import { readCatalog } from '../catalog/catalog.ts';
import { connect, disconnect } from '../connection/connection.ts';
import { ControlConnection } from '../connection/control-connection.ts';
import { lsnToPosition, positionToLsn } from '../connection/lsn.ts';
import { pipelineObjectName, quoteIdent, quoteLiteral } from '../connection/names.ts';
import { PgOutputDecoder } from '../source/log/pgoutput.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { publicationNames } from '../source/publication.ts';
import { ReleasedPosition } from '../source/log/released-position.ts';
import { streamReplication } from '../source/log/replication-stream.ts';
import { StreamRelations } from '../source/log/stream-relations.ts';
import { positionLost } from '../source/source-session.ts';
import { readSlot } from '../source/replication-slot.ts';
import { ReportedHeads } from './reported-heads.ts';

/** PostgreSQL's code for having no slot left. */
const LIMIT_EXCEEDED = '53400';

/**
 * Decodes the log from `from` on once more, through a copy of the slot that goes with its connection, so that it neither
 * takes the slot from its reader nor holds back more of the log. Returns at once where the server has no slot to spare.
 */
export async function countChanges(
  options: EndOptions,
  from: Position,
  receiver: ChangeReceiver,
  signal: AbortSignal,
): Promise<void> {
  const { url, pipeline, log } = options;
  const applicationName = `weir ${pipeline} count`;
  const control = await ControlConnection.open(url, applicationName);
  let client: pg.Client | null = null;
  try {
    const slotName = pipelineObjectName(pipeline);
    const slot = await readSlot(control, slotName);
    if (slot === null || slot.isLost || lsnToPosition(slot.confirmedFlush) > from)
      throw positionLost(slotName, slot, from);
    client = await connect(url, { applicationName, replication: true });
    const copy = `weir_count_${randomBytes(6).toString('hex')}`;
    if (!(await copySlot(client, slotName, copy))) {
      log.warn({ slot: slotName }, 'no replication slot is free, so changes are not counted');
      return;
    }
    const resolver = await relationsAt(control, from);
    const names = publicationNames(pipeline);
    const released = new ReleasedPosition(from);
    const heads = new ReportedHeads(receiver, from);
    const decoder = new PgOutputDecoder({
      receiver: releasing(heads, released),
      resolver,
      from,
      binary: false,
    });
    const start = `START_REPLICATION SLOT ${quoteIdent(copy)} LOGICAL ${positionToLsn(from)} (proto_version '1', publication_names '${names.changes},${names.inserts}')`;
    const connection = client;
    await runTogether(AbortSignal.any([signal, control.lost]), [
      (either) =>
        streamReplication({
          client: connection,
          start,
          decoder,
          receiver: heads,
          released,
          signal: either,
        }),
      (either) => heads.watch(control, either),
    ]);
  } catch (error) {
    if (!signal.aborted) throw toPostgresError(error, `counting the changes of ${control.where}`);
  } finally {
    client?.connection.stream.destroy();
    await disconnect(client);
    await control.close();
  }
}

/** What was counted nobody needs any more. */
function releasing(receiver: ChangeReceiver, released: ReleasedPosition): ChangeReceiver {
  return {
    change: (...change) => receiver.change(...change),
    barrier: (position, barrier) => receiver.barrier(position, barrier),
    commit(position, timeMs) {
      released.advance(readPosition(position, 0));
      receiver.commit(position, timeMs);
    },
    watermark(position, timeMs) {
      released.advance(readPosition(position, 0));
      receiver.watermark(position, timeMs);
    },
    ready: () => receiver.ready(),
  };
}

/** False where the server has no slot left. */
async function copySlot(client: pg.Client, from: string, to: string): Promise<boolean> {
  try {
    await client.query(
      `SELECT pg_catalog.pg_copy_logical_replication_slot(${quoteLiteral(from)}, ${quoteLiteral(to)}, true)`,
    );
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === LIMIT_EXCEEDED) return false;
    throw error;
  }
}

async function relationsAt(control: ControlConnection, from: Position): Promise<StreamRelations> {
  const { tables } = await control.run('reading the catalog', (client) =>
    readCatalog(client, undefined),
  );
  const plan: PipelinePlan = {
    identity: '',
    start: from,
    snapshot: null,
    lanes: 1,
    namespaces: tables.map(({ relation }) => ({
      relation: {
        ...relation,
        columns: relation.columns.map((column) => ({ ...column, encoding: 'text' as const })),
      },
      definition: null,
      start: from,
      settled: from,
      state: 'ready',
      chunks: [],
      chunksDone: 0,
      rowsDone: 0,
    })),
  };
  return new StreamRelations(control, plan, tables, 'text');
}
