import { describe, expect, it } from 'vitest';
import { diffSchemas, type SchemaChange } from './schema-diff.ts';
import type { ColumnSchema, TableSchema } from './table-schema.ts';
import { parseTypeName } from './type-name.ts';

function column(name: string, type: string, more: Partial<ColumnSchema> = {}): ColumnSchema {
  return {
    ...{ name, logical: parseTypeName(type), native: type, nullable: true },
    ...{ default: null, generated: false, comment: null },
    ...more,
  };
}

function table(columns: readonly ColumnSchema[], more: Partial<TableSchema> = {}): TableSchema {
  return { namespace: 's.t', columns, key: [], uniques: [], indexes: [], comment: null, ...more };
}

const mood = (...labels: string[]): ColumnSchema =>
  column('m', 'mood', { logical: { kind: 'enum', name: 'mood', labels } });

const A = column('a', 'integer');
const B = column('b', 'text');

describe('what was done to a table', () => {
  const cases: readonly (readonly [string, TableSchema, TableSchema, unknown[]])[] = [
    ['nothing', table([A, B]), table([B, A]), []],
    ['a column added', table([A]), table([A, B]), [{ kind: 'columnAdded', column: B }]],
    ['one dropped', table([A, B]), table([A]), [{ kind: 'columnDropped', column: B }]],
    [
      'one renamed, with the key and the index that it is in',
      table([A], { key: ['a'], indexes: [{ name: 'i', columns: ['a'], unique: false, native: null }] }),
      table([{ ...A, name: 'z' }], { key: ['z'], indexes: [{ name: 'i', columns: ['z'], unique: false, native: null }] }),
      [{ kind: 'columnRenamed', from: 'a', to: 'z' }],
    ],
    [
      'one dropped and one of another type added',
      table([A]),
      table([B]),
      [{ kind: 'columnDropped', column: A }, { kind: 'columnAdded', column: B }],
    ],
    [
      'two for two, which names do not tell apart',
      table([A, { ...A, name: 'c' }]),
      table([{ ...A, name: 'd' }, { ...A, name: 'e' }]),
      [
        { kind: 'columnDropped', column: A },
        { kind: 'columnDropped', column: { ...A, name: 'c' } },
        { kind: 'columnAdded', column: { ...A, name: 'd' } },
        { kind: 'columnAdded', column: { ...A, name: 'e' } },
      ],
    ],
    [
      'another type',
      table([A]),
      table([column('a', 'bigint')]),
      [{ kind: 'columnRetyped', before: A, column: column('a', 'bigint') }],
    ],
    ['the same type under another name', table([A]), table([column('a', 'int4')]), []],
    [
      'what may be NULL, and the default',
      table([A]),
      table([{ ...A, nullable: false, default: { kind: 'value', text: '7' } }]),
      [
        { kind: 'nullability', column: 'a', nullable: false },
        { kind: 'default', column: 'a', default: { kind: 'value', text: '7' } },
      ],
    ],
    [
      'labels added before, between and behind',
      table([mood('a', 'b')]),
      table([mood('0', 'a', 'ab', 'b', 'c')]),
      [
        {
          kind: 'enumExtended',
          column: mood('0', 'a', 'ab', 'b', 'c'),
          added: [
            { label: '0', after: null },
            { label: 'ab', after: 'a' },
            { label: 'c', after: 'b' },
          ],
        },
      ],
    ],
    [
      'a label that went',
      table([mood('a', 'b')]),
      table([mood('a')]),
      [{ kind: 'columnRetyped', before: mood('a', 'b'), column: mood('a') }],
    ],
    ['another key', table([A, B], { key: ['a'] }), table([A, B], { key: ['b', 'a'] }), [{ kind: 'key', key: ['b', 'a'] }]],
    [
      'a unique constraint of other columns',
      table([A, B], { uniques: [{ name: 'u', columns: ['a'] }] }),
      table([A, B], { uniques: [{ name: 'u', columns: ['b'] }] }),
      [
        { kind: 'uniqueDropped', name: 'u' },
        { kind: 'uniqueAdded', unique: { name: 'u', columns: ['b'] } },
      ],
    ],
  ]; // prettier-ignore
  it.each(cases)('is %s', (_, before, after, changes) => {
    expect(diffSchemas(before, after)).toEqual(changes);
  });

  it('is what its store takes for different, where that says so', () => {
    const isSameType = (a: ColumnSchema, b: ColumnSchema): boolean => a.native === b.native;
    const after = table([column('a', 'int4')]);
    expect(diffSchemas(table([A]), after, { isSameType })).toMatchObject([
      { kind: 'columnRetyped' },
    ]);
  });

  it('done to what was there gives what is there, whatever was done', () => {
    const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
    process.stderr.write(`differences of schemas: WEIR_SEED=${seed}\n`);
    const random = randomFrom(seed);
    for (let round = 0; round < 2_000; round++) {
      const before = randomTable(random);
      const after = randomTable(random);
      const changes = diffSchemas(before, after);
      expect(sorted(changes.reduce(done, before)), JSON.stringify({ before, after })).toEqual(
        sorted(after),
      );
      expect(diffSchemas(after, after)).toEqual([]);
    }
  });
});

/** mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

function randomTable(random: (below: number) => number): TableSchema {
  const names = ['a', 'b', 'c', 'd'].filter(() => random(3) > 0);
  const columns = names.map((name): ColumnSchema => {
    const more = {
      nullable: random(2) === 0,
      default: random(3) === 0 ? ({ kind: 'value', text: String(random(2)) } as const) : null,
    };
    if (random(3) > 0) return column(name, ['integer', 'text', 'date'][random(3)]!, more);
    const labels = ['x', 'y', 'z'].filter(() => random(2) === 0);
    return column(name, 'mood', { ...more, logical: { kind: 'enum', name: 'mood', labels } });
  });
  const some = (): string[] => names.filter(() => random(2) === 0);
  const indexes = ['i', 'j'].filter(() => random(2) === 0);
  return table(columns, {
    key: some(),
    uniques: random(2) === 0 ? [{ name: 'u', columns: some() }] : [],
    indexes: indexes.map((name) => ({ name, columns: some(), unique: false, native: null })),
  });
}

function done(before: TableSchema, change: SchemaChange): TableSchema {
  const { columns, uniques, indexes } = before;
  const set = (name: string, more: Partial<ColumnSchema>): TableSchema => ({
    ...before,
    columns: columns.map((each) => (each.name === name ? { ...each, ...more } : each)),
  });
  const without = <T extends { name: string }>(list: readonly T[], name: string): T[] =>
    list.filter((each) => each.name !== name);
  switch (change.kind) {
    case 'columnAdded':
      return { ...before, columns: [...columns, change.column] };
    case 'columnDropped':
      return { ...before, columns: without(columns, change.column.name) };
    case 'columnRenamed': {
      const named = (name: string): string => (name === change.from ? change.to : name);
      return {
        ...set(change.from, { name: change.to }),
        key: before.key.map(named),
        uniques: uniques.map((each) => ({ ...each, columns: each.columns.map(named) })),
        indexes: indexes.map((each) => ({ ...each, columns: each.columns.map(named) })),
      };
    }
    case 'columnRetyped':
    case 'enumExtended':
      return set(change.column.name, {
        logical: change.column.logical,
        native: change.column.native,
      });
    case 'nullability':
      return set(change.column, { nullable: change.nullable });
    case 'default':
      return set(change.column, { default: change.default });
    case 'key':
      return { ...before, key: change.key };
    case 'uniqueAdded':
      return { ...before, uniques: [...uniques, change.unique] };
    case 'uniqueDropped':
      return { ...before, uniques: without(uniques, change.name) };
    case 'indexAdded':
      return { ...before, indexes: [...indexes, change.index] };
    case 'indexDropped':
      return { ...before, indexes: without(indexes, change.name) };
  }
}

function sorted({ columns, uniques, indexes, ...rest }: TableSchema): TableSchema {
  const byName = <T extends { name: string }>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...rest, columns: byName(columns), uniques: byName(uniques), indexes: byName(indexes) };
}
