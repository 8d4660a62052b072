import { MISSING, type Row } from '../row.ts';
import {
  type CompiledStep,
  placesOf,
  type Shape,
  StepFailure,
  type StepKind,
  StepMisfit,
  withFields,
} from '../step.ts';
import { fieldName, perField } from './forms.ts';

/** Fields get other names, all at once: two may swap theirs. */
export const rename: StepKind<Record<string, string>> = {
  form: perField(fieldName, '{ total: amount }'),
  names: (names) => Object.entries(names).flat(),
  compile(names, shape) {
    const places = placesOf(shape, Object.keys(names));
    if (shape.documents !== null) return renameInDocuments(names, places, shape);
    const renamed = withFields(shape, places, (field) => ({ ...field, name: names[field.name]! }));
    const twice = renamed.fields
      .map(({ name }) => name)
      .filter((name, place, all) => all.indexOf(name) !== place);
    if (twice.length > 0)
      throw new StepMisfit(
        ...twice.map((name) => `gives ${shape.namespace} two fields of the name ${name}`),
      );
    return { shape: renamed };
  },
};

/** Whether a document has a field of the new name already is told by the document. */
function renameInDocuments(
  names: Record<string, string>,
  places: readonly number[],
  shape: Shape,
): CompiledStep {
  const wanted = Object.values(names);
  const twice = wanted.filter((name, nth) => wanted.indexOf(name) !== nth);
  if (twice.length > 0)
    throw new StepMisfit(...twice.map((name) => `gives two fields the name ${name}`));
  if (places.includes(0) || wanted.includes('_id'))
    throw new StepMisfit(`renames _id of ${shape.namespace}, which tells documents apart`);
  const inTheWay = shape.fields.flatMap(({ name }, place) =>
    wanted.includes(name) && !places.includes(place) ? [place] : [],
  );
  const kept = [...shape.fields.keys()].filter((place) => !inTheWay.includes(place));
  const renamed = withFields(shape, places, (field, nth) => ({ ...field, name: wanted[nth]! }));
  return {
    shape: { ...renamed, fields: kept.map((place) => renamed.fields[place]!) },
    run(row: Row) {
      const { values } = row;
      const there = inTheWay.find(
        (place) => ![undefined, MISSING].includes(values[place] as never),
      );
      if (there !== undefined)
        throw new StepFailure(`the document has a field ${shape.fields[there]!.name} already`);
      row.values = kept.map((place) => values[place]);
    },
  };
}
