import path from 'node:path';
import { TupleSplitter } from '../../../shared/change/tuple-splitter.ts';
import type { SinkCapabilities } from '../../../shared/connector/connector.ts';
import type { SinkOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { ChunkHead, LaneBatch, Sink } from '../../../shared/connector/sink.ts';
import type { Barrier } from '../../../shared/change/barrier.ts';
import type { RelationPlan } from '../../../shared/change/relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { parseChannelUrl } from '../../../shared/grpc/channel-settings.ts';
import { FolderState } from '../../../shared/ledger/folder-state.ts';
import { checkStateFolder } from '../../../shared/ledger/state-folder.ts';
import { sinkOver } from '../../../shared/state/sink-over.ts';
import { readOffer } from './connector-channel.ts';
import { Outgoing } from './outgoing.ts';
import { SinkChannel } from './sink-channel.ts';
import { DataRequests, writeChanges } from './write-requests.ts';

const CHECK_MS = 10_000;

export const GRPC_SINK: SinkCapabilities = {
  state: 'apart',
  ddl: 'apart',
  rows: 'kept',
  readsBack: false,
};

/**
 * A connector of somebody else as a target. It has no place for the pipeline's state, which lies in a folder: data is
 * written first and the progress then, so what is interrupted between the two is written again.
 */
export function createGrpcSink(options: SinkOptions): Sink {
  const { pipeline, url, stateFolder, map } = options;
  const folder = path.join(stateFolder, pipeline);
  const connection = new SinkChannel(parseChannelUrl(url));
  const requestsTo = async (source: string) => ({
    ...(await connection.open()),
    namespace: map[source] ?? source,
  });

  return sinkOver(
    GRPC_SINK,
    new FolderState(folder),
    {
      check: (relations) => checkSink(connection, folder, relations),
      prepare: () => Promise.resolve([]),

      async load(chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<void> {
        const target = await requestsTo(chunk.namespace);
        const outgoing = new Outgoing(chunk.relation, target.dataType);
        const requests = new DataRequests(target);
        const splitter = new TupleSplitter();
        for await (const part of parts)
          for (const row of splitter.take(part)) {
            const document = outgoing.document(row);
            if (requests.add(document)) continue;
            await requests.flush();
            requests.add(document);
          }
        await requests.flush();
      },

      async apply(batch: LaneBatch): Promise<void> {
        for (const changes of batch.changes)
          await writeChanges(await requestsTo(changes.relation.namespace), changes);
      },

      runBarrier(_batch: LaneBatch, barrier: Barrier): Promise<void> {
        return barrier.kind === 'relation'
          ? Promise.resolve()
          : Promise.reject(inexpressible(barrier));
      },

      close: () => connection.close(),
    },
    options,
  );
}

async function checkSink(
  connection: SinkChannel,
  folder: string,
  relations: readonly RelationPlan[],
): Promise<Finding[]> {
  const { info } = await connection.withChannel(CHECK_MS, (channel, signal) =>
    readOffer(channel, 'sink', signal),
  );
  const keyless = relations
    .map(({ relation }) => relation)
    .filter(({ identity }) => identity !== 'key');
  return [
    { level: 'ok', subject: 'connector', message: `${info.dbType} ${info.version} answers`.trim() },
    await checkStateFolder(folder, 'in WEIR_STATE_DIR'),
    ...keyless.map(({ namespace }): Finding => ({
      level: 'error',
      subject: namespace,
      message: 'its rows have no key, and a document needs an _id; give it a key, or leave it out',
    })),
  ];
}

function inexpressible(barrier: Exclude<Barrier, { kind: 'relation' }>): WeirError {
  const what =
    barrier.kind === 'truncate'
      ? `${barrier.relations.map(({ namespace }) => namespace).join(', ')} was truncated at the source, which this kind of target cannot take; empty it there`
      : `a row of ${barrier.relation.namespace} got a new key while some of its columns were not sent, which this kind of target cannot take; let the source send whole rows`;
  return new WeirError('NOT_SUPPORTED', `${what}, then run \`weir reset\` and copy again`);
}
