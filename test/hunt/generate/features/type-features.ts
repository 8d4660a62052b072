import type { Draft } from '../draft.ts';
import { arrayOf, makeComposite, makeDomain, makeEnum, makeRange, type MadeType } from '../made-types.ts'; // prettier-ignore
import { anyColumn } from '../table.ts';
import { anyType } from '../made-types.ts';
import type { ValueType } from '../value-type.ts';
import type { Feature } from './feature.ts';

/** Types that people make, and those of extensions. */
export const TYPE_FEATURES: readonly Feature[] = [
  { name: 'enum', weight: 5, apply: (draft) => use(draft, makeEnum(draft.dice, draft.objectName())) }, // prettier-ignore
  {
    name: 'array of enum',
    weight: 3,
    apply(draft) {
      const made = makeEnum(draft.dice, draft.objectName());
      use(draft, { ...made, type: arrayOf(made.type) });
    },
  },
  { name: 'domain', weight: 4, apply: (draft) => use(draft, domain(draft)) },
  {
    name: 'array of domain',
    weight: 2,
    apply(draft) {
      const made = domain(draft);
      use(draft, { ...made, type: arrayOf(made.type) });
    },
  },
  {
    name: 'domain over a made type',
    weight: 2,
    apply(draft) {
      use(draft, makeEnum(draft.dice, draft.objectName()));
      use(draft, makeDomain(draft.dice, draft.objectName(), draft.types.at(-1)!));
    },
  },
  { name: 'composite', weight: 3, apply: (draft) => use(draft, composite(draft)) },
  {
    name: 'array of composite',
    weight: 2,
    apply(draft) {
      const made = composite(draft);
      use(draft, { ...made, type: arrayOf(made.type) });
    },
  },
  {
    name: 'composite of made types',
    weight: 2,
    apply(draft) {
      use(draft, makeEnum(draft.dice, draft.objectName()));
      use(draft, domain(draft));
      use(draft, composite(draft));
    },
  },
  { name: 'range type', weight: 2, apply: (draft) => use(draft, makeRange(draft.objectName())) },
  {
    name: 'type that no column uses',
    weight: 1,
    apply: (draft) => void draft.prelude.push(makeEnum(draft.dice, draft.objectName()).create),
  },
  extensionType('citext', ['', 'ABC', 'Größe']),
  extensionType('hstore', ['', 'a=>1', '"a b"=>NULL, c=>"\\""']),
  extensionType('ltree', ['', 'a', 'a.b_c.D1']),
  extensionType('isn', ['978-0-393-04002-9'], 'isbn13'),
  extensionType('cube', ['(1,2)', '(0),(1)']),
  extensionType('intarray', ['1 & !2', '3'], 'query_int'),
  extensionType('seg', ['1.5', '1 .. 2']),
];

function domain(draft: Draft): MadeType {
  return makeDomain(draft.dice, draft.objectName(), anyType(draft, draft.rareTypes)); // prettier-ignore
}

function composite(draft: Draft): MadeType {
  const { dice } = draft;
  const sql = draft.objectName();
  const fields = Array.from({ length: dice.between(1, 3) }, (): [string, ValueType] => [
    draft.names.column(sql),
    draft.types.length > 0 && dice.chance(0.4)
      ? dice.pick(draft.types)
      : anyType(draft, draft.rareTypes),
  ]);
  return makeComposite(sql, fields);
}

function use(draft: Draft, made: MadeType): void {
  draft.prelude.push(made.create);
  draft.types.push(made.type);
  const table = draft.someTable();
  if (table === undefined) return;
  table.columns.push({ ...anyColumn(draft, table), type: made.type, more: '', insert: 'may', nullable: true }); // prettier-ignore
}

/** In `public`, or in a schema that is there for nothing else. */
function extensionType(extension: string, texts: readonly string[], type = extension): Feature {
  return {
    name: `type of ${extension}`,
    weight: 1.5,
    extension,
    apply(draft) {
      const own = draft.dice.chance(0.3);
      if (own) draft.prelude.push({ sql: 'CREATE SCHEMA IF NOT EXISTS ext' });
      draft.prelude.push({ sql: `CREATE EXTENSION ${extension} SCHEMA ${own ? 'ext' : 'public'}`, feature: 'extension' }); // prettier-ignore
      const made: ValueType = {
        sql: `${own ? 'ext' : 'public'}.${type}`,
        text: (dice) => dice.pick(texts),
        feature: 'extension',
      };
      draft.types.push(made, arrayOf(made));
      for (const each of [made, ...(draft.dice.chance(0.5) ? [arrayOf(made)] : [])]) {
        const table = draft.someTable();
        table?.columns.push({ ...anyColumn(draft, table), type: each, more: '', insert: 'may', nullable: true }); // prettier-ignore
      }
    },
  };
}
