import { describe, expect, it } from 'vitest';
import { structureChanges, suspectColumns, type KnownTable } from './structure-changes.ts';
import type { ColumnDefinition, TypeDefinition } from './table-definition.ts';

interface Given {
  /** Name, number, and what else the definition says of it. */
  columns: [string, number, Partial<ColumnDefinition>?][];
  written?: Record<string, string>;
  file?: number;
  lastNumber?: number;
  types?: TypeDefinition[];
  identity?: 'key' | 'none';
}

const NOTHING = { notNull: false, default: null, missing: null, identity: null };

function table({ columns, written = {}, file = 1, types = [], ...more }: Given): KnownTable {
  const identity = more.identity ?? 'key';
  const lastNumber = more.lastNumber ?? Math.max(...columns.map(([, number]) => number));
  return {
    relation: { namespace: 'public.t', columns: [], key: [], identity, order: 'key' },
    definition: {
      ...{ schema: 'public', name: 't', constraints: [], indexes: [], sequences: [] },
      ...{ partitionBy: null, partitions: [], types },
      columns: columns.map(([name, , column = {}]) => ({
        ...{ name, type: 'integer', generated: null, generatedKind: null, collation: null },
        ...NOTHING,
        ...column,
      })),
      record: {
        oid: 1,
        lastNumber,
        columns: columns.map(([name, number]) => ({
          ...{ name, number, defaultId: null, hasMissing: false },
          writtenBy: written[name] ?? '1',
        })),
        leaves: [{ oid: 1, file }],
      },
    },
  };
}

const WAS: Given = { columns: [['id', 1], ['a', 2], ['b', 3]] }; // prettier-ignore

const mood = (...labels: [number, string][]): TypeDefinition => ({
  ...{ schema: 'public', name: 'mood', kind: 'enum' },
  create: labels.map(([, text]) => text).join(),
  parts: labels.map(([id, text]) => ({ id, text })),
});

describe('what happened to a table', () => {
  it.each<[string, Given, Given, object[]]>([
    ['nothing', WAS, WAS, []],
    ['an added column, which its shape tells', WAS, { columns: [...WAS.columns, ['c', 4]] }, []],
    ['a dropped column', WAS, { columns: [['id', 1], ['a', 2]] }, [{ kind: 'dropped', column: 'b' }]], // prettier-ignore
    ['a column that was added again', WAS, { columns: [['id', 1], ['a', 2], ['b', 4]] }, [{ kind: 'values', column: 'b' }]], // prettier-ignore
    ['names that changed places', WAS, { columns: [['id', 1], ['b', 2], ['a', 3]] }, [{ kind: 'renamed', column: 'a', to: 'b' }, { kind: 'renamed', column: 'b', to: 'a' }]], // prettier-ignore
    ['another type', WAS, { columns: [['id', 1], ['a', 2], ['b', 3, { type: 'bigint' }]] }, [{ kind: 'retyped', column: 'b', rewritten: false }]], // prettier-ignore
    ['NULL allowed', { columns: [['id', 1, { notNull: true }]] }, { columns: [['id', 1]] }, [{ kind: 'nullable', column: 'id' }]], // prettier-ignore
    ['NULL forbidden, which no row minds', WAS, { columns: [['id', 1], ['a', 2], ['b', 3, { notNull: true }]] }, []], // prettier-ignore
    ['another default, which is for later rows', WAS, { columns: [['id', 1], ['a', 2], ['b', 3, { default: '1' }]] }, []], // prettier-ignore
    ['a computed column', WAS, { columns: [...WAS.columns, ['g', 4, { generated: 'a' }]] }, [{ kind: 'generated', column: 'g', isNew: true }]], // prettier-ignore
    ['no key any more', WAS, { ...WAS, identity: 'none' }, [{ kind: 'keyless' }]],
    ['a key at last', { ...WAS, identity: 'none' }, WAS, [{ kind: 'unfollowed' }]],
    ['a label with another name', { ...WAS, types: [mood([1, 'a'])] }, { ...WAS, types: [mood([1, 'z'])] }, [{ kind: 'type', statements: [`ALTER TYPE "public"."mood" RENAME VALUE 'a' TO 'z'`], isTold: true }]], // prettier-ignore
    ['a label that was added', { ...WAS, types: [mood([1, 'a'])] }, { ...WAS, types: [mood([2, 'z'], [1, 'a'])] }, [{ kind: 'type', statements: [`ALTER TYPE "public"."mood" ADD VALUE 'z' BEFORE 'a'`] }]], // prettier-ignore
    ['parts that only look the same', { ...WAS, types: [mood([1, 'a'])] }, { ...WAS, types: [mood([2, 'a'])] }, [{ kind: 'type', isTold: false }]], // prettier-ignore
  ])('%s', (_, was, is, expected) => {
    const changes = structureChanges(table(was), table(is), new Set());
    expect(changes.map(({ detail }) => detail)).toMatchObject(expected);
  });

  it('is not known of a plan without a record', () => {
    const was = table(WAS);
    delete was.definition.record;
    expect(structureChanges(was, table({ columns: [['id', 9]] }), new Set())).toEqual([]);
  });
});

describe('values may have changed', () => {
  const names = (is: Given): string[] =>
    suspectColumns(table(WAS), table(is)).map(({ name }) => name);

  it('where a column was altered and the rows are in another file, both', () => {
    expect(names({ ...WAS, written: { b: '2' }, file: 2 })).toEqual(['b']);
    expect(names({ ...WAS, written: { b: '2' } })).toEqual([]);
    expect(names({ ...WAS, file: 2 })).toEqual([]);
  });

  it('but not of a column that only lost its value of older rows to the rewrite for another', () => {
    const was = table(WAS);
    was.definition.record!.columns[2] = { ...was.definition.record!.columns[2]!, hasMissing: true, defaultId: 7 }; // prettier-ignore
    const is = table({ ...WAS, written: { a: '2', b: '2' }, file: 2 });
    is.definition.record!.columns[2]!.defaultId = 7;
    expect(suspectColumns(was, is).map(({ name }) => name)).toEqual(['a']);
    is.definition.record!.columns[2]!.defaultId = 8;
    expect(suspectColumns(was, is).map(({ name }) => name)).toEqual(['a', 'b']);
  });
});
