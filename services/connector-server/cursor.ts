import { z } from 'zod';
import { parsePosition, type Position } from '../../shared/change/position.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';

/**
 * What a peer is given to come back with. It says everything that is needed to go on, so that the server keeps nothing
 * of anybody and may be another one by then: what the source must remember of the plan, and where in the log to go on.
 */
const UPDATES = z.strictObject({
  identity: z.string(),
  snapshot: z.unknown(),
  position: z.string().transform(parsePosition),
});

export type UpdatesCursor = z.infer<typeof UPDATES>;

export function encodeUpdatesCursor(plan: PipelinePlan, position: Position): Uint8Array {
  const { identity, snapshot } = plan;
  return Buffer.from(JSON.stringify({ identity, snapshot, position }));
}

/** Null where it is none of ours. */
export function decodeUpdatesCursor(bytes: Uint8Array): UpdatesCursor | null {
  return decode(UPDATES, bytes);
}

const CHUNK = z.strictObject({
  identity: z.string(),
  snapshot: z.unknown(),
  cursor: z.unknown(),
  dataType: z.string(),
});

export type ChunkCursor = z.infer<typeof CHUNK>;

export function encodeChunkCursor(cursor: ChunkCursor): Uint8Array {
  return Buffer.from(JSON.stringify(cursor));
}

export function decodeChunkCursor(bytes: Uint8Array): ChunkCursor | null {
  return decode(CHUNK, bytes);
}

function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
