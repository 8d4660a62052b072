import { z } from 'zod';
import { LOGICAL_TYPE } from './logical-type-schema.ts';
import type { TableSchema } from './table-schema.ts';

const TEXT = z.string();
const NAME = z.string().min(1);
const COMMENT = z.string().nullable();

export const COLUMN_DEFAULT = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('value'), text: TEXT }),
  z.strictObject({ kind: z.literal('now') }),
  z.strictObject({ kind: z.literal('identity'), always: z.boolean() }),
  z.strictObject({ kind: z.literal('native'), expression: TEXT }),
]);

export const UNIQUE = z.strictObject({ name: NAME, columns: z.array(NAME).min(1) });

export const INDEX = z.strictObject({
  name: NAME,
  columns: z.array(TEXT),
  unique: z.boolean(),
  native: z.string().nullable(),
});

/** Of what was stored or came over the wire. */
export const TABLE_SCHEMA: z.ZodType<TableSchema> = z.strictObject({
  namespace: TEXT,
  columns: z.array(
    z.strictObject({
      name: NAME,
      logical: LOGICAL_TYPE,
      native: TEXT,
      nullable: z.boolean(),
      default: COLUMN_DEFAULT.nullable(),
      generated: z.boolean(),
      comment: COMMENT,
    }),
  ),
  key: z.array(NAME),
  uniques: z.array(UNIQUE),
  indexes: z.array(INDEX),
  comment: COMMENT,
});
