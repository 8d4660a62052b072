import { z } from 'zod';
import { type Relation, ROUTE_FORMS } from '../change/relation.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import { COUNT, NUMBER, OPAQUE, POSITION, TEXT } from './json-parts.ts';

const COLUMN = z.looseObject({ name: TEXT, type: TEXT, encoding: z.enum(['binary', 'text']) });

const RELATION: z.ZodType<Relation> = z.lazy(() =>
  z
    .looseObject({
      namespace: TEXT,
      columns: z.array(COLUMN),
      key: z.array(COUNT),
      identity: z.enum(['key', 'row', 'none']),
      order: z.enum(['key', 'namespace']),
      route: z.array(z.looseObject({ column: COUNT, form: z.enum(ROUTE_FORMS) })).exactOptional(),
      looseKey: z.literal(true).exactOptional(),
      origin: z.looseObject({ relation: RELATION, definition: OPAQUE }).exactOptional(),
    })
    .refine(({ key, columns }) => key.every((place) => place < columns.length)),
);

const CHUNK = z.looseObject({
  id: COUNT,
  namespace: TEXT,
  cursor: OPAQUE,
  how: z.enum(['load', 'merge']),
  dataType: TEXT,
  estimatedBytes: NUMBER,
  estimatedRows: NUMBER.exactOptional(),
});

export const PLAN: z.ZodType<PipelinePlan> = z.looseObject({
  identity: TEXT,
  start: POSITION,
  snapshot: OPAQUE,
  lanes: z.int().min(1),
  namespaces: z.array(
    z.looseObject({
      relation: RELATION,
      definition: OPAQUE,
      start: POSITION,
      settled: POSITION,
      state: z.enum(['new', 'restart', 'copying', 'ready']),
      chunks: z.array(CHUNK),
      chunksDone: COUNT,
      rowsDone: COUNT,
      rowsFiltered: COUNT.exactOptional(),
    }),
  ),
});
