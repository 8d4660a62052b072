import { BSON_TYPE, castValue } from '../bson-value.ts';
import { type FieldValue, kindOf, readsAs, toFieldValue } from '../field-value.ts';
import {
  placesOf,
  type Shape,
  StepFailure,
  type StepKind,
  StepMisfit,
  valueAt,
  withFields,
} from '../step.ts';
import { fieldName, perField } from './forms.ts';

const INTEGERS = ['smallint', 'integer', 'bigint'];

/** Fields get another type; their values are written as that type writes them, and one that cannot be is a failure. */
export const cast: StepKind<Record<string, string>> = {
  form: perField(fieldName, '{ amount: "numeric(12,2)" }'),
  names: (types) => Object.keys(types),
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
      shape: withFields(shape, places, (field, nth) => {
        return { ...field, type: field.type === BSON_TYPE ? BSON_TYPE : wanted[nth]! };
      }),
      run(row) {
        for (const [nth, place] of places.entries()) {
          const value = valueAt(shape, row, place);
          if (value === null) continue;
          const { name, type } = shape.fields[place]!;
          row.values[place] =
            type === BSON_TYPE
              ? convertBson(value, name, wanted[nth]!)
              : convert(toFieldValue(value, type)!, value, name, wanted[nth]!);
        }
      },
    };
  },
};

function convertBson(value: Buffer, name: string, type: string): Buffer {
  const made = castValue(value, type);
  if (made === 'unfit') throw new StepFailure(`the value of ${name} does not read as ${type}`);
  return made;
}

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
  // 7 and "7" are two ids.
  if (from === BSON_TYPE) return false;
  const wider = INTEGERS.indexOf(type) >= INTEGERS.indexOf(from) && INTEGERS.includes(from);
  return wider || (/^text$/i.test(type) && !looseKey);
}
