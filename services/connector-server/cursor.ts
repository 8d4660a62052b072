import { z } from 'zod';
import { parsePosition } from '../../shared/change/position.ts';
import type { Slice, UpdatesStart } from '../../shared/connector/store.ts';

/**
 * What a peer is given to come back with. It says everything that is needed to go on, so that the server keeps nothing
 * of anybody and may be another one by then.
 */
const UPDATES = z.strictObject({
  identity: z.string(),
  memory: z.unknown(),
  position: z.string().transform(parsePosition),
});

export function encodeUpdatesCursor(
  identity: string,
  { memory, position }: UpdatesStart,
): Uint8Array {
  return Buffer.from(JSON.stringify({ identity, memory, position }));
}

/** Null where it is none of ours. */
export function decodeUpdatesCursor(
  bytes: Uint8Array,
): (UpdatesStart & { identity: string }) | null {
  return decode(UPDATES, bytes);
}

const SLICE = z.strictObject({ identity: z.string(), slice: z.unknown() });

export function encodeSliceCursor(identity: string, { cursor }: Slice): Uint8Array {
  return Buffer.from(JSON.stringify({ identity, slice: cursor }));
}

export function decodeSliceCursor(bytes: Uint8Array): { identity: string; slice?: unknown } | null {
  return decode(SLICE, bytes);
}

function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
