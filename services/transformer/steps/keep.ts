import { type CompiledStep, placesOf, type Shape, type StepKind, StepMisfit } from '../step.ts';
import { fieldList } from './forms.ts';

/** Only these fields go on, in the order that they have. */
export const keep: StepKind<string[]> = {
  form: fieldList,
  names: (names) => names,
  compile(names, shape) {
    const places = placesOf(shape, names);
    return select(
      shape,
      shape.fields.flatMap((_, place) => (places.includes(place) ? [place] : [])),
      false,
    );
  },
};

/** These fields do not go on. */
export const drop: StepKind<string[]> = {
  form: fieldList,
  names: (names) => names,
  compile(names, shape) {
    const places = placesOf(shape, names);
    return select(
      shape,
      shape.fields.flatMap((_, place) => (places.includes(place) ? [] : [place])),
    );
  },
};

/** `others`: of documents, whether fields go on that no step names. */
function select(shape: Shape, kept: readonly number[], others = true): CompiledStep {
  const { documents } = shape;
  const lost = shape.fields.filter(({ isKey }, place) => isKey && !kept.includes(place));
  if (lost.length > 0)
    throw new StepMisfit(
      ...lost.map(
        ({ name }) =>
          `leaves out ${name}, which is in the key of ${shape.namespace}: without it rows cannot be told apart`,
      ),
    );
  if (kept.length === 0) throw new StepMisfit(`leaves no field of ${shape.namespace}`);
  return {
    shape: {
      ...shape,
      fields: kept.map((place) => shape.fields[place]!),
      documents: documents && { ...documents, open: documents.open && others },
    },
    run(row) {
      const { values } = row;
      row.values = kept.map((place) => values[place]);
    },
  };
}
