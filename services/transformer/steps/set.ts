import { z } from 'zod';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import type { ColumnType } from '../../../shared/change/column-type.ts';
import { bindExpression, parseExpression } from '../expression.ts';
import { BSON_TYPE } from '../bson-value.ts';
import { fromFieldValue, fromFieldValueAs } from '../field-value.ts';
import type { Row, Value } from '../row.ts';
import {
  type Field,
  placesOf,
  refuseKey,
  type Shape,
  StepFailure,
  type StepKind,
  StepMisfit,
  valueAt,
} from '../step.ts';
import { expressionText, fieldsRead } from './filter.ts';
import { perField } from './forms.ts';

const type = z.string({ error: 'must be the name of a column type, e.g. text' }).min(1);
const ERROR = 'must be a constant, or { cel: "…", type: … }, or { value: …, type: … }';
const constant = z.union([z.string(), z.number(), z.boolean()]);
const setting = z.union(
  [
    constant,
    z.strictObject({ cel: expressionText, type: type.optional() }),
    z.strictObject({ value: constant.nullable(), type: type.optional() }),
  ],
  { error: ERROR },
);

type Setting = z.infer<typeof setting>;

/** Fields get a value, a constant or that of an expression; those that are not there yet come behind the others. */
export const set: StepKind<Record<string, Setting>> = {
  form: perField(setting, '{ country: DE, total: { cel: "row.price * row.count", type: bigint } }'),
  names: (settings) =>
    Object.entries(settings).flatMap(([name, each]) =>
      typeof each === 'object' && 'cel' in each ? [name, ...fieldsRead(each.cel)] : [name],
    ),
  compile(settings, shape) {
    const fields: Field[] = [...shape.fields];
    const steps = Object.entries(settings).map(([name, each]) => {
      const place = fields.findIndex((field) => field.name === name);
      if (place >= 0) refuseKey(shape, placesOf(shape, [name]), 'sets');
      const known = place < 0 ? null : fields[place]!;
      const column = typeOf(shape, name, each, known);
      const own = shape.documents === null ? column : { type: BSON_TYPE };
      const field = { name, ...own, isKey: false, source: known?.source ?? null };
      const give = giver(each, shape, name, column);
      if (known === null) return { place: fields.push(field) - 1, give };
      fields[place] = field;
      return { place, give };
    });
    return {
      shape: { ...shape, fields },
      run(row) {
        if (row.keyOnly) {
          row.values.length = fields.length;
          return;
        }
        // All of them see the row as it came.
        const given = steps.map(({ give }) => give(row));
        row.values.length = fields.length;
        for (let nth = 0; nth < steps.length; nth++) row.values[steps[nth]!.place] = given[nth];
      },
    };
  },
};

function typeOf(shape: Shape, name: string, each: Setting, known: Field | null): ColumnType {
  const own = typeof each === 'object' ? each.type : undefined;
  if (own !== undefined) return { type: own };
  if (known !== null && shape.documents === null) return columnType(known);
  const found = inferred(each, shape);
  if (found !== null) return found;
  if (shape.documents !== null) return { type: BSON_TYPE };
  throw new StepMisfit(
    `sets ${name}, which ${shape.namespace} does not have, to something of an unknown type; say it with { …, type: text }`,
  );
}

const TYPES_OF_EXPRESSIONS: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int: 'bigint',
  double: 'double precision',
  string: 'text',
};

function columnType({ type, logical }: ColumnType): ColumnType {
  return logical === undefined ? { type } : { type, logical };
}

function inferred(each: Setting, { fields }: Shape): ColumnType | null {
  if (typeof each === 'object' && 'cel' in each) {
    const { type, field } = parseExpression(each.cel);
    const copied = fields.find(({ name }) => name === field);
    if (copied !== undefined) return columnType(copied);
    const own = TYPES_OF_EXPRESSIONS[type];
    return own === undefined ? null : { type: own };
  }
  const value = typeof each === 'object' ? each.value : each;
  switch (typeof value) {
    case 'boolean':
      return { type: 'boolean' };
    case 'number':
      return { type: Number.isInteger(value) ? 'bigint' : 'double precision' };
    case 'string':
      return { type: 'text' };
    default:
      return null;
  }
}

function giver(each: Setting, shape: Shape, name: string, column: ColumnType): (row: Row) => Value {
  const { type } = column;
  const written = shape.documents === null ? fromFieldValue : fromFieldValueAs;
  if (typeof each === 'object' && 'cel' in each) {
    const expression = parseExpression(each.cel);
    const { reads, evaluate } = bindExpression(expression, shape);
    // Of a document the value as it is, whatever expressions make of its type.
    if (expression.field !== null && type === BSON_TYPE)
      return (row) => valueAt(shape, row, reads[0]!) ?? row.values[reads[0]!];
    return (row) => {
      // Of the same inputs the result is the same: it is unchanged where all of them are.
      if (reads.length > 0 && reads.every((place) => row.values[place] === undefined))
        return undefined;
      const value = written(evaluate(row), column);
      if (value instanceof Refusal)
        throw new StepFailure(
          `the expression for ${name} gave something that is no ${type}: ${value.reason}`,
        );
      return value;
    };
  }
  const value = written(typeof each === 'object' ? each.value : each, column);
  if (value instanceof Refusal)
    throw new StepMisfit(`sets ${name} to something that is no ${type}: ${value.reason}`);
  return () => value;
}
