import type { Connector } from '../../../shared/connector/connector.ts';
import { createNullSink } from './sink.ts';
import { createNullStore } from './store.ts';

export const nullConnector: Connector = {
  getInfo: () => ({ kind: 'null', gives: [], takes: 'any', keeps: 'counts' }),
  createSink: createNullSink,
  createStore: createNullStore,
};
