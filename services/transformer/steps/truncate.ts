import { z } from 'zod';
import { kindOf } from '../field-value.ts';
import { placesOf, refuseKey, type StepKind, StepMisfit } from '../step.ts';
import { perField } from './forms.ts';

const LENGTH = 'must be a number of characters, 0 or more';

/** Text is cut to so many characters. */
export const truncate: StepKind<Record<string, number>> = {
  form: perField(z.int({ error: LENGTH }).min(0, { error: LENGTH }), '{ note: 200 }'),
  compile(lengths, shape) {
    const places = placesOf(shape, Object.keys(lengths));
    refuseKey(shape, places, 'truncates');
    const other = places.filter((place) => !isText(shape.fields[place]!.type));
    if (other.length > 0)
      throw new StepMisfit(
        ...other.map((place) => {
          const { name, type } = shape.fields[place]!;
          return `truncates ${name} of ${shape.namespace}, which is ${type} and no text; cast it first`;
        }),
      );
    const most = Object.values(lengths);
    return {
      shape,
      run({ values }) {
        for (const [nth, place] of places.entries()) {
          const value = values[place];
          // No character takes less than a byte.
          if (value === null || value === undefined || value.length <= most[nth]!) continue;
          values[place] = Buffer.from([...value.toString('utf8')].slice(0, most[nth]).join(''));
        }
      },
    };
  },
};

function isText(type: string): boolean {
  return (
    kindOf(type) === 'text' &&
    /^(text|character|varchar|char|citext|bpchar|string|name)/i.test(type)
  );
}
