import {
  ConnectorServiceDefinition,
  DataType,
  type GetInfoResponse,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Channel, Method } from '../../../shared/grpc/channel.ts';

/** The connector that is tested, and what the checks have found out of it so far. */
export interface Subject {
  channel: Pick<Channel, 'call' | 'stream'>;
  info: GetInfoResponse;
  /** To read; null: whatever its plan has. */
  readNamespace: string | null;
  /** To write documents `{_id, k}` into; null: nothing is written. */
  writeNamespace: string | null;
  /** How long something may take that comes by itself. */
  waitMs: number;
}

export const METHODS = ConnectorServiceDefinition.methods;
export const BSON_TYPE = DataType.DATA_TYPE_MONGO_BSON;

export function ask<Request, Response>(
  { channel }: Pick<Subject, 'channel'>,
  method: Method<Request, Response>,
  request: Request,
): Promise<Response> {
  return channel.call(method, request, { signal: AbortSignal.timeout(60_000) });
}

/** What is wrong, in words that tell the author what to do. */
export class Defect extends Error {}

/** The check cannot be made here, and why. */
export class NotTested extends Error {}

export function require(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Defect(otherwise);
}

export interface Check {
  /** A promise of the protocol: what holds where the check passes. */
  name: string;
  run(subject: Subject): Promise<void>;
}
