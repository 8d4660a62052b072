import { z } from 'zod';
import { type ColumnType, logicalOf } from '../../../shared/change/column-type.ts';
import { BSON_TYPE, holdsText, ofText, textIn } from '../bson-value.ts';
import { placesOf, refuseKey, StepFailure, type StepKind, StepMisfit, valueAt } from '../step.ts';
import { perField } from './forms.ts';

const LENGTH = 'must be a number of characters, 0 or more';

/** Text is cut to so many characters. */
export const truncate: StepKind<Record<string, number>> = {
  form: perField(z.int({ error: LENGTH }).min(0, { error: LENGTH }), '{ note: 200 }'),
  names: (lengths) => Object.keys(lengths),
  compile(lengths, shape) {
    const places = placesOf(shape, Object.keys(lengths));
    refuseKey(shape, places, 'truncates');
    const other = places.filter((place) => !isText(shape.fields[place]!));
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
      run(row) {
        for (const [nth, place] of places.entries()) {
          const value = valueAt(shape, row, place);
          if (value === null) continue;
          const { name, type } = shape.fields[place]!;
          if (type === BSON_TYPE && !holdsText(value))
            throw new StepFailure(`the value of ${name} is no text`);
          // No character takes less than a byte.
          if (value.length <= most[nth]!) continue;
          const text = type === BSON_TYPE ? textIn(value) : value.toString('utf8');
          const cut = [...text].slice(0, most[nth]).join('');
          row.values[place] = type === BSON_TYPE ? ofText(cut) : Buffer.from(cut);
        }
      },
    };
  },
};

/** Types that only some store has, and whose values are text that may end anywhere. */
const TEXTS: ReadonlySet<string> = new Set(['citext', 'bpchar', 'string', 'name']);

function isText(column: ColumnType): boolean {
  if (column.type === BSON_TYPE) return true;
  const logical = logicalOf(column);
  return (
    logical.kind === 'string' ||
    (logical.kind === 'other' && TEXTS.has(logical.name.toLowerCase().replace(/\(.*$/, '')))
  );
}
