import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS } from '../../../shared/connector/data-type.ts';
import { DATA_TYPES } from './sink/load/load-chunk.ts';
import { createPostgresRowReader } from './verify/row-reader.ts';
import { createPostgresSink } from './sink/sink.ts';
import { createPostgresSource } from './source/source.ts';
import { createPostgresStore } from './served/store.ts';
import { createPostgresVerifier } from './verify/verifier.ts';

export const postgresConnector: Connector = {
  getInfo: () => ({
    kind: 'postgres',
    gives: DATA_TYPES,
    takes: [...DATA_TYPES, DOCUMENTS],
    makesTypes: true,
    spreads: true,
    source: { snapshot: 'exported', positions: 'log' },
    sink: { state: 'transaction', ddl: 'transactional', rows: 'kept', readsBack: true },
  }),
  createSource: createPostgresSource,
  createSink: createPostgresSink,
  createStore: createPostgresStore,
  createVerifier: createPostgresVerifier,
  createRowReader: createPostgresRowReader,
};
