import type { Connector } from '../../../shared/connector/connector.ts';
import { TUPLES } from '../../../shared/connector/data-type.ts';
import { createRandomRowReader } from './row-reader.ts';
import { createRandomSource } from './source.ts';
import { createRandomStore } from './store.ts';

export const randomConnector: Connector = {
  getInfo: () => ({
    kind: 'random',
    gives: [TUPLES],
    takes: [],
    source: { snapshot: 'exported', positions: 'log' },
  }),
  createSource: createRandomSource,
  createStore: createRandomStore,
  createRowReader: createRandomRowReader,
};
