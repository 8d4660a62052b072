import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';
const LANES = ['test/cases/lanes.test.ts'];
const KEY_FORMS = 'test/cases/key-forms.test.ts';

/** Which lane a change takes, what a key is, and what is told of changes that find no row. */
export const LANES_AND_KEYS: readonly Mutation[] = [
  {
    name: 'an index that the target gets while the pipeline runs puts its table into one lane',
    edits: [
      {
        file: 'services/source-reader/reader-epoch.ts',
        find: '(namespace) => !this.#router.together.has(namespace)',
        replace: '(namespace) => namespace === this.constructor.name',
      },
    ],
    tests: ['test/cases/lanes.test.ts'],
  },
  {
    name: 'the lane of a change follows from the value of its key, not from how it is encoded',
    edits: [
      {
        file: 'shared/change/route.ts',
        find: 'KEY_FORMS[form][columns[carried[i]!]!.encoding],',
        replace:
          "KEY_FORMS[form][columns[carried[i]!]!.encoding === 'text' ? 'binary' : 'binary'],",
      },
    ],
    tests: LANES,
  },
  {
    name: 'while changes are sent again, what the catalog says now does not count',
    edits: [
      {
        file: `${POSTGRES}/source/log/pgoutput.ts`,
        find: 'const replaying = !this.#position.startsAfter(this.#reached);',
        replace: 'const replaying = false;',
      },
    ],
    tests: [`${POSTGRES}/source/log/pgoutput.test.ts`],
  },
  {
    name: 'a table that is told anew is looked at anew',
    edits: [
      {
        file: `${POSTGRES}/source/log/pgoutput.ts`,
        find: '      known.provisional = true;\n',
        replace: '',
      },
    ],
    tests: LANES,
  },
  {
    name: 'a key is whole or there is none',
    edits: [
      {
        file: `${POSTGRES}/catalog/relation-shape.ts`,
        find: 'computedOf(index, detail.columns) === undefined;',
        replace: 'index.columns.length > 0;',
      },
    ],
    tests: LANES,
  },
  {
    name: 'a delete and an insert of one row take one lane where the source has a unique index',
    edits: [
      {
        file: `${POSTGRES}/catalog/relation-shape.ts`,
        find: "    identity === 'none' ||\n    detail.indexes",
        replace: "    identity !== 'key' ||\n    detail.indexes",
      },
    ],
    tests: LANES,
  },
  {
    name: 'digits behind the point that are zero do not choose the lane',
    edits: [
      {
        file: 'shared/row/key-form/numeric-form.ts',
        find: '    if (group !== 0) last = to;',
        replace: '    last = to;',
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'both zeros of a float take one lane',
    edits: [
      {
        file: 'shared/row/key-form/float-form.ts',
        find: 'return value === 0 ? 0 : value;',
        replace: 'return value;',
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'a decimal in the middle of two floats is read once',
    edits: [
      {
        file: 'shared/row/key-form/float-form.ts',
        find: 'if (!isMiddle) return near;',
        replace: 'if (!isMiddle || isMiddle) return near;',
      },
    ],
    tests: ['shared/change/route.test.ts'],
  },
  {
    name: 'ids of documents that are equal take one lane, whatever the types of their numbers',
    edits: [
      {
        file: 'shared/document/document-relation.ts',
        find: "    route: [{ column: 0, form: 'bson' }],",
        replace: "    route: [{ column: 0, form: 'same' }],",
      },
    ],
    tests: ['shared/row/key-form/bson-form.test.ts'],
  },
  {
    name: 'ids of documents that are equal are one key to a batch',
    edits: [
      {
        file: 'services/target-writer/fold.ts',
        find: 'const name = documentKeyName(key);',
        replace: "const name = key.toString('latin1');",
      },
    ],
    tests: ['services/target-writer/fold.test.ts'],
  },
  {
    name: 'a decimal that no double is exactly keeps its digits',
    edits: [
      {
        file: 'shared/row/key-form/bson-form.ts',
        find: 'Number.isFinite(near) && compareDecimal(decimal, near) === 0',
        replace: 'Number.isFinite(near)',
      },
    ],
    tests: ['shared/row/key-form/bson-form.test.ts'],
  },
  {
    name: 'a column that only the source reads in binary makes all changes text',
    edits: [
      {
        file: `${POSTGRES}/source/change-form.ts`,
        find: '    textColumns.map((column) => `${namespace}: ${column}`),',
        replace:
          '    textColumns.slice(textColumns.length).map((column) => `${namespace}: ${column}`),',
      },
    ],
    tests: ['test/cases/forms-of-data.test.ts'],
  },
  {
    name: 'an array of labels does not name its type by an OID of the source',
    edits: [
      {
        file: `${POSTGRES}/catalog/type-catalog.ts`,
        find: "return isLabel ? 'text' : null;",
        replace: "return isLabel ? 'binary' : null;",
      },
    ],
    tests: ['test/cases/forms-of-data.test.ts'],
  },
  {
    name: 'labels that look like syntax are quoted in arrays',
    edits: [
      {
        file: `${POSTGRES}/source/log/label-array.ts`,
        find: '/^$|^null$|',
        replace: '/^$|',
      },
    ],
    tests: [`${POSTGRES}/source/log/label-array.test.ts`],
  },
  {
    name: 'letters whose lower case depends on the locale do not choose the lane',
    edits: [
      {
        file: 'shared/row/key-form/text-form.ts',
        find: 'if (small !== 0x69 && small !== 0x6b) ',
        replace: '',
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'a collation that takes different texts for one leaves its column out of the lane',
    edits: [
      {
        file: `${POSTGRES}/catalog/relation-shape.ts`,
        find: 'const folded = isFolded || folding.some(({ columns }) => columns.includes(number));',
        replace: 'const folded = isFolded && folding.length < 0;',
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'what no longer fits leaves a recorded route',
    edits: [
      {
        file: `${POSTGRES}/source/log/stream-relations.ts`,
        find: 'relation.route.filter(({ column, form }) => form === formOf(column))',
        replace: 'relation.route',
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'a table that took one lane keeps it',
    edits: [
      {
        file: `${POSTGRES}/source/log/stream-relations.ts`,
        find: "[before, now?.relation].some((each) => each?.order === 'namespace')",
        replace: "now?.relation.order === 'namespace'",
      },
    ],
    tests: [KEY_FORMS],
  },
  {
    name: 'rows that only the target binds to each other take one lane',
    edits: [
      {
        file: `${POSTGRES}/source/log/stream-relations.ts`,
        find: '      this.together.has(namespace);',
        replace: '      false;',
      },
    ],
    tests: LANES,
  },
  {
    name: 'a lane that has come to a barrier which was carried out is behind it',
    edits: [
      {
        file: 'shared/state/lane-steps.ts',
        find: 'position: passed ? barrier : position',
        replace: 'position',
      },
    ],
    tests: ['shared/state/lane-steps.test.ts', 'test/integration/postgres-sink-structure.test.ts'],
  },
  {
    name: 'a row that takes its own place is not one that goes',
    edits: [
      {
        file: `${POSTGRES}/sink/ordered/ordered-apply.ts`,
        find: 'row.statement.replaces && bypasses ?',
        replace: 'row.statement.replaces && !bypasses ?',
      },
    ],
    tests: ['test/integration/postgres-ordered.test.ts'],
  },
  {
    name: 'a key that came and went within a batch is not missed',
    edits: [
      {
        file: 'services/target-writer/fold.ts',
        find: '      passed: passed.length,\n',
        replace: '      passed: 0,\n',
      },
    ],
    tests: ['services/target-writer/fold.test.ts'],
  },
  {
    name: 'changes that a missing chunk holds already are not counted as having met no row',
    edits: [
      {
        file: `${POSTGRES}/sink/apply/unmet-changes.ts`,
        find: ' AND w.ready AND w.settled < ${position}',
        replace: '',
      },
    ],
    tests: ['test/integration/postgres-sink.test.ts'],
  },
  {
    name: 'a delete of a whole transaction that meets no row is counted',
    edits: [
      {
        file: `${POSTGRES}/sink/ordered/set-apply.ts`,
        find: "|| (kind === 'delete' && !losesRows)",
        replace: '&& losesRows !== null',
      },
    ],
    tests: ['test/cases/unmet-changes.test.ts'],
  },
  {
    name: 'changes that meet no row are not told as none where nobody knows',
    edits: [
      {
        file: 'services/stats/pipeline-watch.ts',
        find: 'return known === 0 && (unmet === undefined || unmetUnknown.some(isWanted)) ? null : known;',
        replace: 'return known === 0 && unmetUnknown.length < 0 ? null : known;',
      },
    ],
    tests: ['services/stats/pipeline-watch.test.ts'],
  },
];
