import { logicalOf } from '../../../shared/change/column-type.ts';
import { parseTypeName } from '../../../shared/schema/type-name.ts';
import { BSON_TYPE, castValue } from '../bson-value.ts';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import type { FieldValue } from '../expression-value.ts';
import { kindOf, readAs, toFieldValue } from '../field-value.ts';
import {
  placesOf,
  type Shape,
  StepFailure,
  type StepKind,
  StepMisfit,
  typed,
  valueAt,
  withFields,
} from '../step.ts';
import { fieldName, perField } from './forms.ts';

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
        return field.type === BSON_TYPE ? field : typed(field, wanted[nth]!);
      }),
      run(row) {
        for (const [nth, place] of places.entries()) {
          const value = valueAt(shape, row, place);
          if (value === null) continue;
          const field = shape.fields[place]!;
          const { name } = field;
          row.values[place] =
            field.type === BSON_TYPE
              ? convertBson(value, name, wanted[nth]!)
              : convert(toFieldValue(value, field)!, value, name, wanted[nth]!);
        }
      },
    };
  },
};

function convertBson(value: Buffer, name: string, type: string): Buffer {
  return made(castValue(value, type), name, type);
}

function convert(value: FieldValue, bytes: Buffer, name: string, type: string): Buffer {
  const kind = kindOf({ type });
  if (typeof value === 'boolean' && kind !== 'boolean')
    return made(readAs(kind === 'text' ? String(value) : value ? '1' : '0', { type }), name, type);
  if (kind === 'boolean' && typeof value === 'bigint') return Buffer.from(value === 0n ? 'f' : 't');
  return made(readAs(bytes.toString('utf8'), { type }), name, type);
}

function made(value: Buffer | Refusal, name: string, type: string): Buffer {
  if (value instanceof Refusal)
    throw new StepFailure(`the value of ${name} does not read as ${type}: ${value.reason}`);
  return value;
}

/** Whether different keys stay different, and equal ones equal, as values of that type. */
function keepsKeysApart({ fields, looseKey }: Shape, place: number, type: string): boolean {
  const field = fields[place]!;
  if (!field.isKey) return true;
  // 7 and "7" are two ids.
  if (field.type === BSON_TYPE) return false;
  const from = logicalOf(field);
  const to = parseTypeName(type);
  if (to.kind === 'integer')
    return from.kind === 'integer' && to.bits >= (from.signed ? from.bits : from.bits + 1);
  // Any other kind is refused, one that is made later, too.
  return to.kind === 'string' && to.length === null && to.comparison === 'bytes' && !looseKey;
}
