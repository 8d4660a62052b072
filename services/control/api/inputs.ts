import { z } from 'zod';

export const NAME = z.object({
  name: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of the characters a-z, 0-9 and -'),
});

export const NAME_AND_ENTRY = NAME.extend({
  id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});

export const NAME_AND_RUN = NAME.extend({ id: z.string().regex(/^[0-9a-f]{1,32}$/) });

const FLAG = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const CREATE_QUERY = z.object({
  start: FLAG.describe('start it at once'),
});

export const DELETE_QUERY = z.object({
  forget: FLAG.describe('leave what it made at both ends and in the broker'),
});

export const EVENTS_QUERY = z.object({
  limit: z.coerce.number().int().min(1).max(2_000).default(200),
});

export const HISTORY_QUERY = z.object({
  span: z.enum(['recent', 'day']).default('recent').describe('half an hour, or a day'),
});

export const PARKED_QUERY = z.object({
  namespace: z.string().max(512).optional().describe('of the source'),
  after: z.coerce.number().int().min(0).default(0).describe('the id of the last entry known'),
});

export const VERIFY_QUERY = z.object({
  settle: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600)
    .default(10)
    .describe('seconds that a change may be in flight before it counts as a difference'),
});

export const STREAM_QUERY = z.object({
  pipeline: NAME.shape.name.optional().describe('only of this one'),
});

/** Exactly one of the three. */
export const SELECTION = z
  .union([
    z.strictObject({ ids: z.array(z.int().min(1)).min(1).max(10_000) }),
    z.strictObject({ namespace: z.string().min(1).max(512) }),
    z.strictObject({ all: z.literal(true) }),
  ])
  .describe('entries by their ids, all of a namespace, or all');

export const PIPELINE_FILE = z
  .string()
  .min(1)
  .max(256 * 1024)
  .describe('a pipeline file, as `weir run` takes it');

export const PIPELINE_FILE_EXAMPLE = `name: shop
source:
  url: postgres://app:\${SOURCE_PASSWORD}@db1:5432/shop
target:
  url: postgres://app:\${TARGET_PASSWORD}@db2:5432/shop
`;
