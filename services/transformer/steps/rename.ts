import { placesOf, type StepKind, StepMisfit, withFields } from '../step.ts';
import { fieldName, perField } from './forms.ts';

/** Fields get other names, all at once: two may swap theirs. */
export const rename: StepKind<Record<string, string>> = {
  form: perField(fieldName, '{ total: amount }'),
  compile(names, shape) {
    const places = placesOf(shape, Object.keys(names));
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
