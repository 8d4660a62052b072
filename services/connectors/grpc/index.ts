import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS, TUPLES } from '../../../shared/connector/data-type.ts';
import { createGrpcSink } from './sink.ts';
import { createGrpcSource } from './source.ts';

export const grpcConnector: Connector = {
  getInfo: () => ({
    kind: 'grpc',
    gives: [DOCUMENTS],
    takes: [DOCUMENTS, TUPLES],
    positions: 'opaque',
    commits: 'apart',
  }),
  createSource: createGrpcSource,
  createSink: createGrpcSink,
};
