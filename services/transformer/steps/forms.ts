import { z } from 'zod';

/** Forms that several steps share. Messages follow the key's name. */

const FIELD = 'must be the name of a field';

export const fieldName = z.string({ error: FIELD }).min(1, { error: FIELD });

const FIELDS = 'must be a list of fields, e.g. [email, phone]';

export const fieldList = z.array(fieldName, { error: FIELDS }).min(1, { error: FIELDS });

/** Fields, each with what is to be done to it. */
export function perField<T extends z.ZodType>(value: T, example: string) {
  const error = `must be fields with what is done to each, e.g. ${example}`;
  return z
    .record(z.string(), value, { error })
    .refine((fields) => Object.keys(fields).length > 0, { error });
}

const TARGETS = 'must be different namespaces of the target, e.g. [shop.open, shop.done]';

/** Namespaces of the target to which rows are sent one by one. */
export const targetList = z
  .array(z.string({ error: TARGETS }).regex(/^(?!.* > ).+$/, { error: TARGETS }), {
    error: TARGETS,
  })
  .min(1, { error: TARGETS })
  .refine((names) => new Set(names).size === names.length, { error: TARGETS });
