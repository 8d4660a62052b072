import type { Connector } from '../../../shared/connector/connector.ts';
import { createNullSink, NULL_SINK } from './sink.ts';
import { createNullStore } from './store.ts';

export const nullConnector: Connector = {
  getInfo: () => ({
    kind: 'null',
    gives: [],
    takes: 'any',
    sink: NULL_SINK,
  }),
  createSink: createNullSink,
  createStore: createNullStore,
};
