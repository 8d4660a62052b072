import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS, TUPLES } from '../../../shared/connector/data-type.ts';
import { createFileRowReader } from './row-reader.ts';
import { createFileSink, FILE_SINK } from './sink.ts';
import { createFileSource } from './source.ts';
import { createFileStore } from './store.ts';

export const fileConnector: Connector = {
  getInfo: () => ({
    kind: 'file',
    gives: [TUPLES],
    takes: [TUPLES, DOCUMENTS],
    source: { snapshot: 'none', positions: 'log' },
    sink: FILE_SINK,
  }),
  createSource: createFileSource,
  createSink: createFileSink,
  createStore: createFileStore,
  createRowReader: createFileRowReader,
};
