import { type DataType, type Update, UpdateType } from '../../../proto/gen/adiom/v1/adiom.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { METHODS } from './connector-channel.ts';
import { withRetry } from './with-retry.ts';

/** Of one request. */
const MOST_IDS = 500;

/**
 * The updates with every partial one replaced by the whole document as it is now. It may be newer than the update; what
 * made it so comes later in the stream. A document that is gone is left out: its delete comes later.
 */
export async function withWholeDocuments(
  channel: Channel,
  namespace: string,
  dataType: DataType,
  updates: readonly Update[],
  signal: AbortSignal,
): Promise<Update[]> {
  const partial = updates.filter(({ type }) => type === UpdateType.UPDATE_TYPE_PARTIAL_UPDATE);
  const documents = new Map<Update, Uint8Array>();
  for (let at = 0; at < partial.length; at += MOST_IDS) {
    const some = partial.slice(at, at + MOST_IDS);
    const request = { namespace, ids: some.map(({ id }) => ({ id })), type: dataType };
    const { data } = await withRetry(
      () => channel.call(METHODS.getByIds, request, { signal }),
      signal,
    );
    if (data.length !== some.length)
      throw new WeirError(
        'SOURCE_UNFIT',
        `GetByIds at ${channel.address} answered ${data.length} items to ${some.length} ids; it must answer one for each, in their order, empty where there is no document`,
      );
    for (const [i, item] of data.entries()) documents.set(some[i]!, item.data);
  }
  return updates.flatMap((update) => {
    const data = documents.get(update);
    if (data === undefined) return [update];
    if (data.length === 0) return [];
    return [{ ...update, type: UpdateType.UPDATE_TYPE_UPDATE, data, partialUpdateUnset: [] }];
  });
}
