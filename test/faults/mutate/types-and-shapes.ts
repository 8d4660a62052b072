import type { Mutation } from './mutation.ts';

const POSTGRES = 'services/connectors/postgres';

/** What a column holds, what holds it elsewhere, and what comes from outside as the name of a type. */
export const TYPES_AND_SHAPES: readonly Mutation[] = [
  {
    name: "a type's name from outside is quoted before it stands in a statement",
    edits: [
      {
        file: `${POSTGRES}/types/type-name.ts`,
        find: 'if (match === null) return quoteIdent(text);',
        replace: 'if (match === null) return text;',
      },
    ],
    tests: [`${POSTGRES}/types/types.test.ts`],
  },
  {
    name: 'the type of a column that another store describes is a name wherever it stands',
    edits: [
      {
        file: `${POSTGRES}/sink/target/native-types.ts`,
        find: 'native: typeSql(column.type)',
        replace: 'native: column.type',
      },
    ],
    tests: ['test/cases/foreign-types.test.ts'],
  },
  {
    name: 'a column that came in place of one that went is taken for the same only where its type is',
    edits: [
      {
        file: 'shared/schema/schema-diff.ts',
        find: 'come.length === 1 && isSameType(gone[0]!, come[0]!)',
        replace: 'come.length === 1',
      },
    ],
    tests: ['shared/schema/schema-diff.test.ts', `${POSTGRES}/sink/ddl/align-relation.test.ts`],
  },
  {
    name: 'a column is not added by itself where older rows have values that no log has',
    edits: [
      {
        file: `${POSTGRES}/sink/ddl/render-change.ts`,
        find: 'safe: !filled || !hasUnknownValues(column)',
        replace: 'safe: !filled || column.name !== ""',
      },
    ],
    tests: [`${POSTGRES}/sink/ddl/render-change.test.ts`, 'test/cases/structure-changes.test.ts'],
  },
  {
    name: 'a mapping that loses something needs consent',
    edits: [
      {
        file: `${POSTGRES}/sink/plan/save-plan.ts`,
        find: '    natives.requireAgreed(\n',
        replace: '    void (\n',
      },
    ],
    tests: ['test/cases/foreign-types.test.ts'],
  },
  {
    name: 'what only another store understands of a table is not made here',
    edits: [
      {
        file: `${POSTGRES}/catalog/made-definition.ts`,
        find: '({ native, columns }) => native === null && has(columns)',
        replace: '({ native, columns }) => native !== "" || has(columns)',
      },
    ],
    tests: ['test/integration/postgres-made-tables.test.ts'],
  },
  {
    name: 'a schema file has no name that only another store knows',
    edits: [
      {
        file: 'services/connectors/file/file-type.ts',
        find: 'return logical === undefined ? type : standardType(logical).native;',
        replace:
          'return logical === undefined || type !== "" ? type : standardType(logical).native;',
      },
    ],
    tests: ['services/connectors/file/file-type.test.ts'],
  },
  {
    name: 'a schema file says what may not be NULL',
    edits: [
      {
        file: 'services/connectors/file/schema-details.ts',
        find: 'nullable: column.nullable ?? ',
        replace: 'nullable: column.name !== "" || ',
      },
    ],
    tests: ['test/cases/foreign-types.test.ts'],
  },
  {
    name: 'a domain is what it is made of',
    edits: [
      {
        file: `${POSTGRES}/types/to-logical.ts`,
        find: 'if (type.base !== null)',
        replace: 'if (type.base !== null && folded)',
      },
    ],
    tests: [`${POSTGRES}/types/types.test.ts`, 'test/integration/postgres-types.test.ts'],
  },
  {
    name: 'a type that a step gives is the only one that a field has',
    edits: [
      {
        file: 'services/transformer/step.ts',
        find: 'typed({ name, isKey, source }: Field, type: string): Field {\n  return { name, type, isKey, source };',
        replace: 'typed(field: Field, type: string): Field {\n  return { ...field, type };',
      },
    ],
    tests: ['services/transformer/logical-columns.test.ts'],
  },
  {
    name: 'a name that only its store knows does not count beside the logical type',
    edits: [
      {
        file: 'shared/change/column-type.ts',
        find: 'return logical ?? parseTypeName(type);',
        replace: 'return parseTypeName(type) ?? logical;',
      },
    ],
    tests: ['shared/document/field-type.test.ts', 'services/transformer/logical-columns.test.ts'],
  },
];
