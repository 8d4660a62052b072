import { z } from 'zod';
import { COUNT, COUNTS_BY_NAMESPACE, NUMBER, POSITION } from './json-parts.ts';
import type { ReaderAnswers, ReaderRequest } from './reader-requests.ts';

export const READER_REQUEST: z.ZodType<ReaderRequest> = z.discriminatedUnion('op', [
  z.looseObject({ op: z.literal('mark'), reached: POSITION.exactOptional() }),
  z.looseObject({ op: z.literal('sideState') }),
  z.looseObject({ op: z.literal('reset') }),
]);

export const READER_ANSWERS: { [op in keyof ReaderAnswers]: z.ZodType<ReaderAnswers[op]> } = {
  mark: z.looseObject({
    head: POSITION.nullable(),
    read: COUNTS_BY_NAMESPACE,
    readerEpoch: COUNT,
    bytesBehind: NUMBER.nullable(),
  }),
  sideState: z.null(),
  reset: z.null(),
};
