import type { StreamUpdatesResponse } from '../../../proto/gen/adiom/v1/adiom.ts';
import { UpdateType } from '../../../proto/gen/adiom/v1/adiom.ts';
import { planOf, read } from './source-checks.ts';
import { BSON_TYPE, type Check, METHODS, NotTested, require, type Subject } from './subject.ts';

export const UPDATE_CHECKS: readonly Check[] = [
  {
    name: 'GeneratePlan gives one updates partition, with a cursor',
    async run(subject) {
      const { updatesPartitions } = await planOf(subject);
      require(updatesPartitions.length >
        0, 'there is no updates partition; give one with the place where changes begin');
      require(updatesPartitions.length ===
        1, `there are ${updatesPartitions.length} updates partitions, and many programs take one only; merge them into one stream`);
      require(updatesPartitions[0]!.cursor.length >
        0, 'the cursor of the updates partition is empty; give the place in the log before the first page is read');
    },
  },
  {
    name: 'StreamUpdates sends a cursor now and then, also while nothing changes',
    async run(subject) {
      const first = await firstMessage(subject, await startOf(subject), () => true);
      require(first !==
        null, `nothing came within ${subject.waitMs} ms; send a message with next_cursor only while nothing changes`);
      require(first.nextCursor.length >
        0, 'a message has no next_cursor; send one with every message, so that little comes twice after a break');
    },
  },
  {
    name: 'StreamUpdates names rows by their _id and sends them whole',
    async run(subject) {
      const { updates } = await changeIn(subject, await startOf(subject));
      for (const { id, type, data } of updates) {
        require(id.length > 0, 'an update has no id; send the key of its row');
        require(id.every(({ name }) => name !== ''), 'a part of an id has no name; call it _id');
        if (type === UpdateType.UPDATE_TYPE_DELETE) continue;
        require(type >= UpdateType.UPDATE_TYPE_INSERT &&
          type <=
            UpdateType.UPDATE_TYPE_PARTIAL_UPDATE, `an update has the type ${type}; use 1 (insert) to 4 (partial update)`);
        require(type === UpdateType.UPDATE_TYPE_PARTIAL_UPDATE ||
          '_id' in
            read(
              data,
            ), 'an insert or update has no document with _id; send the whole row as it is after the change');
      }
    },
  },
  {
    name: 'StreamUpdates goes on behind the cursor that it is given',
    async run(subject) {
      const one = await changeIn(subject, await startOf(subject));
      const next = await firstMessage(subject, one.nextCursor, () => true);
      require(next !==
        null, 'nothing comes from a cursor that the stream itself gave; open it behind that change');
      const again = next.updates[0];
      const before = one.updates[0]!;
      const isSame =
        again !== undefined &&
        next.namespace === one.namespace &&
        Buffer.from(again.data).equals(before.data) &&
        Buffer.concat(again.id.map(({ data }) => data)).equals(
          Buffer.concat(before.id.map(({ data }) => data)),
        );
      require(!isSame, 'the changes before the cursor come again; begin behind them');
    },
  },
];

async function startOf(subject: Subject): Promise<Uint8Array> {
  const { updatesPartitions } = await planOf(subject);
  if (updatesPartitions[0] === undefined) throw new NotTested('there is no updates partition');
  return updatesPartitions[0].cursor;
}

async function changeIn(subject: Subject, cursor: Uint8Array): Promise<StreamUpdatesResponse> {
  const found = await firstMessage(subject, cursor, ({ updates }) => updates.length > 0);
  if (found !== null) return found;
  throw new NotTested(
    `no change was seen within ${subject.waitMs} ms; change rows at the store meanwhile`,
  );
}

async function firstMessage(
  { channel, readNamespace, waitMs }: Subject,
  cursor: Uint8Array,
  wanted: (message: StreamUpdatesResponse) => boolean,
): Promise<StreamUpdatesResponse | null> {
  const namespaces = readNamespace === null ? [] : [readNamespace];
  const request = { namespaces, type: BSON_TYPE, cursor };
  const signal = AbortSignal.timeout(waitMs);
  for await (const message of channel.stream(METHODS.streamUpdates, request, { signal }))
    if (wanted(message)) return message;
  return null;
}
