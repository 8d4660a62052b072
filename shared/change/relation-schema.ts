import { z } from 'zod';
import { LOGICAL_TYPE } from '../schema/logical-type-schema.ts';
import { type Relation, ROUTE_FORMS } from './relation.ts';

const TEXT = z.string();
const COUNT = z.int().min(0);
const COLUMN = z.looseObject({
  name: TEXT,
  type: TEXT,
  logical: LOGICAL_TYPE.exactOptional(),
  encoding: z.enum(['binary', 'text']),
});

export const RELATION: z.ZodType<Relation> = z.lazy(() =>
  z
    .looseObject({
      namespace: TEXT,
      columns: z.array(COLUMN),
      key: z.array(COUNT),
      identity: z.enum(['key', 'row', 'none']),
      order: z.enum(['key', 'namespace']),
      route: z.array(z.looseObject({ column: COUNT, form: z.enum(ROUTE_FORMS) })).exactOptional(),
      looseKey: z.literal(true).exactOptional(),
      origin: z
        .looseObject({ relation: RELATION, definition: z.unknown().default(null) })
        .exactOptional(),
    })
    .refine(({ key, columns }) => key.every((place) => place < columns.length)),
);
