import { type FieldValue, kindOf, readsAs, toFieldValue } from '../field-value.ts';
import {
  placesOf,
  type Shape,
  StepFailure,
  type StepKind,
  StepMisfit,
  withFields,
} from '../step.ts';
import { fieldName, perField } from './forms.ts';

const INTEGERS = ['smallint', 'integer', 'bigint'];

/** Fields get another type; their values are written as that type writes them, and one that cannot be is a failure. */
export const cast: StepKind<Record<string, string>> = {
  form: perField(fieldName, '{ amount: "numeric(12,2)" }'),
  compile(types, shape) {
    const places = placesOf(shape, Object.keys(types));
    const wanted = Object.values(types);
    const unsafe = places.filter((place, nth) => !keepsKeysApart(shape, place, wanted[nth]!));
    if (unsafe.length > 0)
      throw new StepMisfit(
        ...unsafe.map(
          (place) =>
            `casts ${shape.fields[place]!.name}, which is in the key of ${shape.namespace}, to a type in which different keys may be equal; a key may become text or a larger integer`,
        ),
      );
    return {
      shape: withFields(shape, places, (field, nth) => ({ ...field, type: wanted[nth]! })),
      run({ values }) {
        for (const [nth, place] of places.entries()) {
          const value = values[place];
          if (value === null || value === undefined) continue;
          const { name, type } = shape.fields[place]!;
          values[place] = convert(toFieldValue(value, type), value, name, wanted[nth]!);
        }
      },
    };
  },
};

function convert(value: FieldValue, bytes: Buffer, name: string, type: string): Buffer {
  const kind = kindOf(type);
  if (typeof value === 'boolean' && kind !== 'boolean')
    return Buffer.from(kind === 'text' ? String(value) : value ? '1' : '0');
  if (kind === 'boolean' && typeof value === 'bigint') return Buffer.from(String(value !== 0n));
  if (!readsAs(typeof value === 'string' ? value : bytes.toString('utf8'), kind))
    throw new StepFailure(`the value of ${name} does not read as ${type}`);
  return bytes;
}

function keepsKeysApart({ fields, looseKey }: Shape, place: number, type: string): boolean {
  const { isKey, type: from } = fields[place]!;
  if (!isKey) return true;
  const wider = INTEGERS.indexOf(type) >= INTEGERS.indexOf(from) && INTEGERS.includes(from);
  return wider || (/^text$/i.test(type) && !looseKey);
}
