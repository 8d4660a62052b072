import { z } from 'zod';
import { type FieldValue, fromFieldValue, toFieldValue } from '../field-value.ts';
import type { Row, Value } from '../row.ts';
import { placesOf, refuseKey, type Shape, StepFailure, StepMisfit } from '../step.ts';
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

export type Fields = Record<string, FieldValue>;

/** Reads rows for such code, and takes what it gives back. */
export interface ReturnedFields {
  shape: Shape;
  /** Throws `StepFailure` where a value has not come. */
  give(row: Row): Fields;
  /** Null: the row is left out. Throws `StepFailure` where what came back does not fit. */
  take(row: Row, given: Fields, back: unknown): void;
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
      .map((field) => ({ ...field, type: returns[field.name] ?? field.type })),
    ...named
      .filter((name) => !known.includes(name))
      .map((name) => ({ name, type: returns[name]!, isKey: false, source: null })),
  ];
  const names = new Set(fields.map(({ name }) => name));
  const before = fields.map(({ name }) => shape.fields.findIndex((field) => field.name === name));
  return {
    shape: { ...shape, fields },
    give(row) {
      const given: Fields = {};
      for (const [place, { name, type }] of shape.fields.entries()) {
        const value = row.values[place];
        if (value === undefined)
          throw new StepFailure(
            `the value of ${name} did not come because the update left it unchanged`,
          );
        given[name] = toFieldValue(value as Buffer | null, type)!;
      }
      return given;
    },
    take(row, given, back) {
      if (back === null || back === undefined) {
        row.dropped = true;
        return;
      }
      if (typeof back !== 'object' || Array.isArray(back))
        throw new StepFailure('it gave back no row');
      const came = back as Record<string, unknown>;
      const more = Object.keys(came).find((name) => !names.has(name) && !leaves.includes(name));
      if (more !== undefined)
        throw new StepFailure(`it gave back a field that the step does not say (returns): ${more}`);
      row.values = fields.map(({ name, type, isKey }, place): Value => {
        const value = came[name];
        const old = before[place]!;
        const same = old >= 0 && shape.fields[old]!.type === type && Object.is(value, given[name]);
        if (same) return row.values[old];
        if (isKey) throw new StepFailure(`it changed ${name}, which is in the key`);
        if (value === undefined) throw new StepFailure(`it gave back no ${name}`);
        const bytes = fromFieldValue(value, type);
        if (bytes === 'unfit')
          throw new StepFailure(`it gave back something for ${name} that is no ${type}`);
        return bytes;
      });
    },
  };
}
