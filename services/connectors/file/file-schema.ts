import { z } from 'zod';

export const NAME = z.string().min(1);

export const COLUMNS = z.array(NAME).min(1);

/** What a schema file may say of a column beside its type; what it does not say is not so. */
export const COLUMN_DETAILS = {
  nullable: z.literal(false).exactOptional(),
  /** A constant, or the instant at which the row is made. */
  default: z
    .union([z.strictObject({ value: z.string() }), z.strictObject({ now: z.literal(true) })])
    .exactOptional(),
  comment: z.string().exactOptional(),
};

/** The same of the namespace, beside its key. */
export const TABLE_DETAILS = {
  uniques: z.array(z.strictObject({ name: NAME, columns: COLUMNS })).exactOptional(),
  indexes: z
    .array(z.strictObject({ name: NAME, columns: COLUMNS, unique: z.boolean() }))
    .exactOptional(),
  comment: z.string().exactOptional(),
};

export const SCHEMA = z.strictObject({
  columns: z
    .array(z.strictObject({ name: z.string().min(1), type: z.string().min(1), ...COLUMN_DETAILS }))
    .min(1),
  key: z.array(z.string()).default([]),
  ...TABLE_DETAILS,
});

export type FileSchema = z.infer<typeof SCHEMA>;
