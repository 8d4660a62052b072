import { createHmac, hash as hashOf } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import {
  type CompiledStep,
  placesOf,
  refuseKey,
  type Shape,
  type StepKind,
  StepMisfit,
  valueAt,
  withFields,
  typed,
} from '../step.ts';
import { BSON_TYPE, digested } from '../bson-value.ts';
import { fromFieldValue, fromText } from '../field-value.ts';
import { MISSING } from '../row.ts';
import { fieldList, perField } from './forms.ts';

/** Each value becomes its SHA-256 in hex. Who can guess values can find them again; see `tokenize`. */
export const hash: StepKind<string[]> = {
  form: fieldList,
  names: (names) => names,
  compile: (names, shape) => digest(shape, names, (value) => hashOf('sha256', value, 'hex')),
};

const KEY_FROM = 'must be the name of an environment variable, e.g. TOKEN_KEY';
const LEAST_KEY_BYTES = 16;

/** Each value becomes a token: its HMAC-SHA-256 in hex under a key that only the environment has. */
export const tokenize: StepKind<{ fields: string[]; keyFrom: string }> = {
  form: z.strictObject(
    {
      fields: fieldList,
      keyFrom: z.string({ error: KEY_FROM }).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: KEY_FROM }),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type'
          ? 'must be { fields: [email], keyFrom: TOKEN_KEY }, which names an environment variable'
          : undefined,
    },
  ),
  names: ({ fields }) => fields,
  compile({ fields, keyFrom }, shape, { env }) {
    const key = env[keyFrom] ?? '';
    if (Buffer.byteLength(key) < LEAST_KEY_BYTES)
      throw new StepMisfit(
        `needs a key of at least ${LEAST_KEY_BYTES} bytes in the environment variable ${keyFrom}, which ${key === '' ? 'is not set' : 'is shorter'}`,
      );
    return digest(shape, fields, (value) => createHmac('sha256', key).update(value).digest('hex'));
  },
};

/** Each value becomes another one, the same for all rows; NULL where none is given. */
export const redact: StepKind<string[] | Record<string, string>> = {
  form: z.union([fieldList, perField(z.string({ error: 'must be text' }), "{ phone: '***' }")], {
    error:
      "must be a list of fields, which become NULL, or fields with text, e.g. { phone: '***' }",
  }),
  names: (settings) => (Array.isArray(settings) ? settings : Object.keys(settings)),
  compile(settings, shape) {
    const named = Array.isArray(settings) ? settings : Object.keys(settings);
    const places = placesOf(shape, named);
    refuseKey(shape, places, 'redacts');
    const values = places.map((place, nth) => {
      const value = Array.isArray(settings) ? null : settings[named[nth]!]!;
      const field = shape.fields[place]!;
      const bytes = fromFieldValue(value, field);
      if (bytes instanceof Refusal)
        throw new StepMisfit(
          `redacts ${field.name} with something that is no ${field.type}: ${bytes.reason}`,
        );
      return bytes;
    });
    return {
      shape,
      run(row) {
        for (const [nth, place] of places.entries()) {
          const value = row.values[place];
          // One that is unchanged was redacted when it came.
          if (value !== undefined && value !== MISSING) row.values[place] = values[nth];
        }
      },
    };
  },
};

function digest(
  shape: Shape,
  names: readonly string[],
  of: (value: Buffer) => string,
): CompiledStep {
  const places = placesOf(shape, names);
  const loose = places.filter((place) => shape.looseKey && shape.fields[place]!.isKey);
  if (loose.length > 0)
    throw new StepMisfit(
      ...loose.map(
        (place) =>
          `changes ${shape.fields[place]!.name}, which is in the key of ${shape.namespace}, and equal keys of it may be written differently (as 1.0 and 1.00): they would become different ones`,
      ),
    );
  return {
    shape: withFields(shape, places, (field) => {
      return field.type === BSON_TYPE ? field : typed(field, 'text');
    }),
    run(row) {
      for (const place of places) {
        const value = valueAt(shape, row, place);
        if (value === null) continue;
        const { type } = shape.fields[place]!;
        row.values[place] = fromText(of(type === BSON_TYPE ? digested(value) : value), type);
      }
    },
  };
}
