import path from 'node:path';
import type { SinkCapabilities } from '../../../shared/connector/connector.ts';
import type { SinkOptions } from '../../../shared/connector/end-options.ts';
import type { Sink } from '../../../shared/connector/sink.ts';
import { FolderState } from '../../../shared/ledger/folder-state.ts';
import { sinkOver } from '../../../shared/state/sink-over.ts';
import { FolderRows } from './folder-rows.ts';
import { parseFileUrl } from './settings.ts';

export const FILE_SINK: SinkCapabilities = {
  state: 'listed',
  ddl: 'apart',
  rows: 'kept',
  readsBack: true,
};

/** Writes a folder of files. The pipeline's state is kept in the folder, too, which all writers share. */
export function createFileSink(options: SinkOptions): Sink {
  const settings = parseFileUrl(options.url);
  const state = new FolderState(path.join(settings.folder, '.weir', options.pipeline));
  return sinkOver(FILE_SINK, state, new FolderRows(settings, state, options), options);
}
