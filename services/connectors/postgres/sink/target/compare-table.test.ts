import { describe, expect, it } from 'vitest';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { compareTable } from './compare-table.ts';
import { isSameType } from '../../types/type-name.ts';
import { toTargetName } from './target-names.ts';
import type { TargetColumn, TargetTable } from './target-table.ts';

const column = (name: string, type: string, more: Partial<TargetColumn> = {}): TargetColumn => ({
  name,
  type,
  cast: type,
  notNull: false,
  hasDefault: false,
  insertOnly: false,
  generated: false,
  ...more,
});

const relation: Relation = {
  namespace: 'public.t',
  columns: [
    { name: 'id', type: 'bigint', encoding: 'binary' },
    { name: 'v', type: 'text', encoding: 'binary' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

const fitting: TargetTable = {
  losesRows: false,
  merges: true,
  oid: 1,
  kind: 'r',
  columns: [column('v', 'text'), column('id', 'bigint', { notNull: true })],
  indexes: [
    {
      name: 't_pkey',
      columns: ['id'],
      equals: [],
      exclusion: false,
      partial: false,
      immediate: true,
    },
  ],
};

const compare = (table: Partial<TargetTable>): string[] =>
  compareTable(relation, toTargetName('public', 't'), { ...fitting, ...table });

describe('a table at the target', () => {
  it('fits whatever the order of its columns', () => {
    expect(compare({})).toEqual([]);
  });

  it('may have further columns that fill themselves', () => {
    const more = [column('a', 'int'), column('b', 'int', { notNull: true, hasDefault: true })];
    expect(compare({ columns: [...fitting.columns, ...more] })).toEqual([]);
  });

  it('is told every difference at once, each with the statement that removes it', () => {
    const problems = compare({
      columns: [column('id', 'integer'), column('must', 'int', { notNull: true })],
      indexes: [],
    });
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toContain('ALTER TABLE "public"."t" ALTER COLUMN "id" TYPE bigint');
    expect(problems.join('\n')).toContain('ALTER TABLE "public"."t" ADD COLUMN "v" text');
    expect(problems.join('\n')).toContain('CREATE UNIQUE INDEX ON "public"."t" ("id")');
    expect(problems.join('\n')).toContain('ALTER COLUMN "must" DROP NOT NULL');
  });

  it('must be a table, and take values for all columns', () => {
    expect(compare({ kind: 'v' })).toHaveLength(1);
    const generated = [column('id', 'bigint'), column('v', 'text', { generated: true })];
    expect(compare({ columns: generated })[0]).toContain('DROP EXPRESSION');
  });

  it('does not fit by an index on some rows only, or on more columns', () => {
    const [index] = fitting.indexes;
    expect(compare({ indexes: [{ ...index!, partial: true }] })).toHaveLength(1);
    expect(compare({ indexes: [{ ...index!, columns: ['id', 'v'] }] })).toHaveLength(1);
  });
});

describe('types', () => {
  it('are the same in whatever schema an extension is', () => {
    expect(isSameType('public.citext', 'extensions.citext')).toBe(true);
    expect(isSameType('"Odd.schema".vector(3)', 'vector(3)')).toBe(true);
    expect(isSameType('numeric(10,2)', 'numeric(10,3)')).toBe(false);
    expect(isSameType('timestamp without time zone', 'timestamp with time zone')).toBe(false);
  });
});
