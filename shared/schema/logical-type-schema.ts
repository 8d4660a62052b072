import { z } from 'zod';
import type { LogicalType } from './logical-type.ts';

const LENGTH = z.int().min(0).nullable();
const FLAG = z.boolean();
const PRECISION = z.int().min(0).max(9);
const LABELS = z.array(z.string());

/** Of what was stored or came over the wire. */
export const LOGICAL_TYPE: z.ZodType<LogicalType> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.enum(['boolean', 'date', 'interval', 'uuid', 'document', 'objectId']),
    }),
    z.strictObject({
      kind: z.literal('integer'),
      bits: z.literal([8, 16, 24, 32, 64]),
      signed: FLAG,
    }),
    z.strictObject({ kind: z.literal('float'), bits: z.literal([32, 64]) }),
    z.strictObject({ kind: z.literal('decimal'), precision: LENGTH, scale: z.int().nullable() }),
    z.strictObject({
      kind: z.literal('string'),
      length: LENGTH,
      fixed: FLAG,
      comparison: z.enum(['bytes', 'padded', 'folded']),
    }),
    z.strictObject({ kind: z.literal('bytes'), length: LENGTH, fixed: FLAG }),
    z.strictObject({ kind: z.literal('time'), precision: PRECISION, zone: FLAG, duration: FLAG }),
    z.strictObject({ kind: z.literal('timestamp'), precision: PRECISION, zone: FLAG }),
    z.strictObject({ kind: z.literal('json'), exact: FLAG }),
    z.strictObject({ kind: z.literal('enum'), name: z.string().nullable(), labels: LABELS }),
    z.strictObject({ kind: z.literal('set'), labels: LABELS }),
    z.strictObject({ kind: z.literal('bits'), length: LENGTH, varying: FLAG }),
    z.strictObject({ kind: z.literal('array'), element: LOGICAL_TYPE }),
    z.strictObject({
      kind: z.literal('geometry'),
      shape: z.string().nullable(),
      srid: z.int().min(0).nullable(),
    }),
    z.strictObject({ kind: z.literal('vector'), dimensions: LENGTH }),
    z.strictObject({ kind: z.literal('other'), store: z.string().nullable(), name: z.string() }),
  ]),
);
