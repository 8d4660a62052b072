import { z } from 'zod';
import { Refusal } from '../../../shared/row/canonical/refusal.ts';
import type { FieldValue } from '../expression-value.ts';
import { fromFieldValue, toFieldValue } from '../field-value.ts';
import type { Row, Value } from '../row.ts';
import { placesOf, refuseKey, type Shape, StepFailure, StepMisfit, typed } from '../step.ts';
import { fieldList, fieldName } from './forms.ts';

/** What is said of the rows that code outside the pipeline file gives back. */
export const returnedForm = {
  /** Fields that it adds or gives another type. */
  returns: z
    .record(z.string(), fieldName, {
      error: 'must be fields with their types, e.g. { score: integer }',
    })
    .optional(),
  /** Fields that it does not give back. */
  leaves: fieldList.optional(),
};

export interface Returned {
  returns?: Record<string, string> | undefined;
  leaves?: string[] | undefined;
}

/** Documents come back with whatever fields they have. */
export function refuseReturned({ returns, leaves }: Returned): void {
  if (returns !== undefined || leaves !== undefined)
    throw new StepMisfit(
      'says which fields come back (returns, leaves), which documents do not need; leave that out',
    );
}

/** Reads rows for such code, and takes what it gives back. */
export interface ReturnedFields {
  shape: Shape;
  /** The values in the order of the fields. Throws `StepFailure` where one has not come. */
  give(row: Row): FieldValue[];
  /** `changes`: names, each with the value that came back instead. Throws `StepFailure` where one does not fit. */
  take(row: Row, given: readonly FieldValue[], changes: readonly unknown[]): void;
}

export function returnedFields(
  shape: Shape,
  { returns = {}, leaves = [] }: Returned,
): ReturnedFields {
  const left = placesOf(shape, leaves);
  refuseKey(shape, left, 'leaves out');
  const named = Object.keys(returns);
  const known = named.filter((name) => shape.fields.some((field) => field.name === name));
  refuseKey(shape, placesOf(shape, known), 'returns another');
  const both = named.filter((name) => leaves.includes(name));
  if (both.length > 0) throw new StepMisfit(`returns and leaves out ${both.join(', ')}`);
  const fields = [
    ...shape.fields
      .filter((_, place) => !left.includes(place))
      .map((field) => {
        const type = returns[field.name];
        return type === undefined ? field : typed(field, type);
      }),
    ...named
      .filter((name) => !known.includes(name))
      .map((name) => ({ name, type: returns[name]!, isKey: false, source: null })),
  ];
  const places = new Map(fields.map(({ name }, place) => [name, place]));
  const before = fields.map(({ name }) => shape.fields.findIndex((field) => field.name === name));
  // Those come from the code even where it leaves them as they were.
  const made = fields.flatMap(({ type }, place) =>
    shape.fields[before[place]!]?.type === type ? [] : [place],
  );
  const toBytes = (place: number, value: unknown): Value => {
    const field = fields[place]!;
    const { name, type, isKey } = field;
    if (isKey) throw new StepFailure(`it changed ${name}, which is in the key`);
    if (value === undefined) throw new StepFailure(`it gave back no ${name}`);
    const bytes = fromFieldValue(value, field);
    if (bytes instanceof Refusal)
      throw new StepFailure(
        `it gave back something for ${name} that is no ${type}: ${bytes.reason}`,
      );
    return bytes;
  };
  return {
    shape: { ...shape, fields },
    give: ({ values }) =>
      shape.fields.map((field, place) => {
        const value = values[place];
        if (value === undefined)
          throw new StepFailure(
            `the value of ${field.name} did not come because the update left it unchanged`,
          );
        return toFieldValue(value as Buffer | null, field)!;
      }),
    take(row, given, changes) {
      const values = before.map((place) => row.values[place]);
      const left = new Set(made);
      for (let i = 0; i < changes.length; i += 2) {
        const name = changes[i] as string;
        const place = places.get(name);
        if (place !== undefined) {
          values[place] = toBytes(place, changes[i + 1]);
          left.delete(place);
        } else if (!leaves.includes(name))
          throw new StepFailure(
            `it gave back a field that the step does not say (returns): ${name}`,
          );
      }
      for (const place of left) values[place] = toBytes(place, given[before[place]!]);
      row.values = values;
    },
  };
}
