import type { Connector } from '../../../shared/connector/connector.ts';
import { DOCUMENTS } from '../../../shared/connector/data-type.ts';
import { createGrpcSource } from './source.ts';

export const grpcConnector: Connector = {
  getInfo: () => ({ kind: 'grpc', gives: [DOCUMENTS], takes: [], positions: 'opaque' }),
  createSource: createGrpcSource,
};
