import { z } from 'zod';
import { COUNT, LANE, NUMBER, POSITION, TEXT } from './json-parts.ts';
import { DESIRED_STATES } from './desired-state.ts';
import type { Notice } from './notice.ts';

export const NOTICE: z.ZodType<Notice> = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('progress'),
    lanes: z.array(z.looseObject({ lane: LANE, position: POSITION, agoMs: NUMBER })),
  }),
  z.looseObject({ kind: z.literal('chunk'), id: COUNT, rows: COUNT }),
  z.looseObject({ kind: z.literal('desired'), desired: z.enum(DESIRED_STATES) }),
  z.looseObject({ kind: z.literal('reset') }),
  z.looseObject({ kind: z.literal('rewind'), readerEpoch: COUNT, reason: TEXT }),
]);
