import { z } from 'zod';
import { RELATION } from '../change/relation-schema.ts';
import type { PipelinePlan } from '../connector/plan.ts';
import { TABLE_SCHEMA } from '../schema/table-schema-form.ts';
import { COUNT, NUMBER, OPAQUE, POSITION, TEXT } from './json-parts.ts';

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
      tableSchema: TABLE_SCHEMA.exactOptional(),
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
