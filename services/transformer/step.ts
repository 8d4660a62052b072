import type { z } from 'zod';
import { closestName } from '../../shared/config/closest-name.ts';
import type { ColumnType } from '../../shared/change/column-type.ts';
import type { Identity } from '../../shared/change/relation.ts';
import { BSON_TYPE } from './bson-value.ts';
import { INSIDE, type Row } from './row.ts';

/** What the rows of a namespace look like before or behind a step. */
export interface Shape {
  /** At the source. */
  namespace: string;
  /** At the target, where a step has said so. */
  target: string | null;
  /** Further ones, where a step sends rows one by one. */
  parts: readonly string[];
  identity: Identity;
  /** Equal keys may differ in bytes. */
  looseKey: boolean;
  fields: readonly Field[];
  /** Null where the rows are of columns. */
  documents: DocumentShape | null;
}

/** Documents have any fields; the shape's are those that some step names, and the key. */
export interface DocumentShape {
  /** All that steps name, `_id` first; a field's `source` is its place here. */
  named: readonly string[];
  /** Whether others go on, too. */
  open: boolean;
}

/** With a type as in `Column`. */
export interface Field extends ColumnType {
  name: string;
  isKey: boolean;
  /** Its place in the source's relation; null where a step has made it. */
  source: number | null;
}

/** A kind of step: one key of the pipeline file. A new kind is one file and one line in `step-kinds.ts`. */
export interface StepKind<Settings = unknown> {
  /** What stands behind the key. Messages follow the key's name. */
  form: z.ZodType<Settings>;
  /** The fields that it looks at or makes: of documents nobody else says which there are. */
  names?(settings: Settings): readonly string[];
  /** Fits the step to the rows that reach it. Throws `StepMisfit` where it cannot be done to them. */
  compile(settings: Settings, shape: Shape, context: StepContext): CompiledStep;
}

/** What steps may use of what is around them. */
export interface StepContext {
  env: Readonly<Record<string, string | undefined>>;
}

export interface CompiledStep {
  /** Of the rows behind it. */
  shape: Shape;
  /**
   * It may leave rows out. `key`: by the key alone, so a row is carried for all its life or not at all. `row`: by
   * other values too, so that a row may enter and leave with an update.
   */
  decides?: 'key' | 'row';
  /** It sends rows one by one to the shape's target and `parts`, by what it says. */
  spreads?: 'key' | 'row';
  /** Changes the row in place; throws `StepFailure` where it cannot. */
  run?(row: Row): void;
  /** The same for many rows at once; sets their `failure` instead of throwing. */
  runAll?(rows: readonly Row[]): Promise<void>;
}

/** A step cannot be done to the rows of a namespace, whatever is in them. */
export class StepMisfit extends Error {
  readonly problems: readonly string[];

  constructor(...problems: string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** A step cannot be done to one row. The message has no value of it. */
export class StepFailure extends Error {}

/** The value of a field where there is one to work on, otherwise null. */
export function valueAt({ fields }: Shape, { values }: Row, place: number): Buffer | null {
  const value = values[place];
  if (value === INSIDE)
    throw new StepFailure(
      `the update changes something inside ${fields[place]!.name} and did not bring the rest of it (let the source send whole documents)`,
    );
  return Buffer.isBuffer(value) ? value : null;
}

/** The places of fields by name; throws `StepMisfit` with every name that the shape lacks. */
export function placesOf(shape: Shape, names: readonly string[]): number[] {
  const known = shape.fields.map(({ name }) => name);
  const problems: string[] = [];
  const places = names.map((name) => {
    const place = known.indexOf(name);
    if (place < 0) problems.push(unknownField(shape, name));
    return place;
  });
  if (problems.length > 0) throw new StepMisfit(...problems);
  return places;
}

export function unknownField({ namespace, fields, documents }: Shape, name: string): string {
  if (documents !== null)
    return `names ${name} of ${namespace}, which an earlier step removes or renames`;
  const known = fields.map((field) => field.name);
  const near = closestName(name, known);
  const hint = near === undefined ? '' : ` did you mean ${near}?`;
  return `names ${name}, which ${namespace} does not have at this step;${hint} it has ${known.join(', ')} (if the step is for other namespaces, name them under "on")`;
}

/** Throws where one of the places is of the key, which `verb` would spoil. */
export function refuseKey(shape: Shape, places: readonly number[], verb: string): void {
  const problems = places
    .filter((place) => shape.fields[place]!.isKey)
    .map(
      (place) =>
        `${verb} ${shape.fields[place]!.name}, which is in the key of ${shape.namespace}: equal keys must stay equal, and different keys different; tokenize, hash, rename or cast to text may be done to a key`,
    );
  if (problems.length > 0) throw new StepMisfit(...problems);
}

/** The shape of documents before the first step, or behind one that gives back any documents. */
export function documentShape(named: readonly string[]): Pick<Shape, 'fields' | 'documents'> {
  const names = [...new Set(['_id', ...named])];
  return {
    fields: names.map((name, place): Field => {
      return { name, type: BSON_TYPE, isKey: place === 0, source: place };
    }),
    documents: { named: names, open: true },
  };
}

/** The type that a step gives, in place of what the source says of the field. */
export function typed({ name, isKey, source }: Field, type: string): Field {
  return { name, type, isKey, source };
}

/** Another field at some places. */
export function withFields(
  shape: Shape,
  places: readonly number[],
  change: (field: Field, nth: number) => Field,
): Shape {
  const fields = [...shape.fields];
  for (const [nth, place] of places.entries()) fields[place] = change(fields[place]!, nth);
  return { ...shape, fields };
}
