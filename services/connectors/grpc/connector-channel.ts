import {
  type Capabilities,
  ConnectorServiceDefinition,
  DataType,
  type GetInfoResponse,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { Channel } from '../../../shared/grpc/channel.ts';
import type { ChannelSettings } from '../../../shared/grpc/channel-settings.ts';
import { withRetry } from './with-retry.ts';

export const METHODS = ConnectorServiceDefinition.methods;

export function openChannel(settings: ChannelSettings, permanent: ErrorCode): Channel {
  return new Channel({ settings, service: ConnectorServiceDefinition.fullName, permanent });
}

/** What can travel. */
const KNOWN = {
  bson: DataType.DATA_TYPE_MONGO_BSON,
  json: DataType.DATA_TYPE_JSON_ID,
} as const;

const KNOWN_NAMES = { bson: 'DATA_TYPE_MONGO_BSON', json: 'DATA_TYPE_JSON_ID' } as const;

export interface Offer<Side> {
  info: GetInfoResponse;
  side: Side;
  dataType: DataType;
}

/** What the peer offers as that side of a pipeline, asked patiently. */
export async function readOffer<Side extends keyof Capabilities>(
  channel: Channel,
  side: Side,
  signal: AbortSignal,
): Promise<Offer<NonNullable<Capabilities[Side]>>> {
  const info = await withRetry(() => channel.call(METHODS.getInfo, {}, { signal }), signal);
  const offered = info.capabilities?.[side];
  const unfit = side === 'source' ? 'SOURCE_UNFIT' : 'TARGET_UNFIT';
  if (offered === undefined)
    throw new WeirError(
      unfit,
      `the connector at ${channel.address} cannot be ${side === 'source' ? 'read from' : 'written to'}; name another as the ${side === 'source' ? 'source' : 'target'}`,
    );
  const { documents } = channel;
  const known: readonly DataType[] = documents === null ? Object.values(KNOWN) : [KNOWN[documents]];
  // In the connector's order: it knows which of them it has whole.
  const dataType = offered.supportedDataTypes.find((each) => known.includes(each));
  if (dataType === undefined && documents !== null)
    throw new WeirError(
      unfit,
      `the connector at ${channel.address} does not offer ${KNOWN_NAMES[documents]} for its documents, which documents=${documents} in the URL asks for; leave that out`,
    );
  if (dataType === undefined)
    throw new WeirError(
      unfit,
      `the connector at ${channel.address} names neither BSON nor JSON among its data types; it must offer DATA_TYPE_MONGO_BSON or DATA_TYPE_JSON_ID`,
    );
  return { info, side: offered, dataType };
}

/** Header by which requests for a partition find their way. */
export function headersOf(
  name: string,
  value: string,
): { headers?: Readonly<Record<string, string>> } {
  return name === '' ? {} : { headers: { [name]: value } };
}
