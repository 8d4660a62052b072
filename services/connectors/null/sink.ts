import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkCapabilities } from '../../../shared/connector/connector.ts';
import type { SinkOptions } from '../../../shared/connector/end-options.ts';
import type { Finding } from '../../../shared/connector/finding.ts';
import type { ChunkHead, Sink } from '../../../shared/connector/sink.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { FolderState } from '../../../shared/ledger/folder-state.ts';
import { checkStateFolder } from '../../../shared/ledger/state-folder.ts';
import { sinkOver } from '../../../shared/state/sink-over.ts';
import { parseNullUrl } from './settings.ts';

const NOTHING_KEPT: Finding = {
  level: 'warning',
  subject: 'rows',
  message: 'they are counted and thrown away; name another target to keep them',
};

/** The counts are all that it has, and they move with the progress. */
export const NULL_SINK: SinkCapabilities = {
  state: 'transaction',
  ddl: 'transactional',
  rows: 'counted',
  readsBack: false,
};

/**
 * Counts what comes and throws it away. The counts are part of the pipeline's state and move with it in one step, so
 * each row and each change is counted once, whatever is killed.
 */
export function createNullSink(options: SinkOptions): Sink {
  const { pipeline, url, stateFolder } = options;
  const settings = parseNullUrl(url);
  const folder = path.join(settings.stateFolder ?? stateFolder, pipeline);
  let writes = 0;

  /** Takes its time and fails, to order; before anything is counted. */
  const pretend = async (): Promise<void> => {
    if (settings.delayMs > 0) await sleep(settings.delayMs);
    if (settings.failEvery > 0 && ++writes % settings.failEvery === 0)
      throw new WeirError('UNREACHABLE', 'the null: target failed, as its URL asks for with fail');
  };

  return sinkOver(
    NULL_SINK,
    new FolderState(folder),
    {
      check: async () => [
        NOTHING_KEPT,
        await checkStateFolder(folder, 'with state= in target.url or in WEIR_STATE_DIR'),
      ],
      prepare: () => Promise.resolve([]),
      async load(_chunk: ChunkHead, parts: AsyncIterable<Buffer>): Promise<void> {
        const read = parts[Symbol.asyncIterator]();
        while ((await read.next()).done !== true);
        await pretend();
      },
      apply: pretend,
      runBarrier: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    options,
  );
}
