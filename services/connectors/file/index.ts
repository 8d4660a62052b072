import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS, TUPLES } from '../../../shared/connector/data-type.ts';
import { createFileSink } from './sink.ts';
import { createFileSource } from './source.ts';
import { createFileStore } from './store.ts';

export const fileConnector: Connector = {
  getInfo: () => ({ kind: 'file', gives: [TUPLES], takes: [TUPLES, DOCUMENTS] }),
  createSource: createFileSource,
  createSink: createFileSink,
  createStore: createFileStore,
};
