import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS, TUPLES } from '../../../shared/connector/data-type.ts';
import { createSourceRows } from '../../../shared/connector/source-rows.ts';
import { createGrpcSink, GRPC_SINK } from './sink.ts';
import { createGrpcSource } from './source.ts';

export const grpcConnector: Connector = {
  getInfo: () => ({
    kind: 'grpc',
    gives: [DOCUMENTS],
    takes: [DOCUMENTS, TUPLES],
    source: { snapshot: 'none', positions: 'checkpoint' },
    sink: GRPC_SINK,
  }),
  createSource: createGrpcSource,
  createSink: createGrpcSink,
  createRowReader: (options) => createSourceRows(createGrpcSource(options), 'names'),
};
