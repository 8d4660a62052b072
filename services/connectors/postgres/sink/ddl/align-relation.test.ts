import { describe, expect, it } from 'vitest';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { toAddColumn } from '../target/add-column.ts';
import { changesByHand } from './align-relation.ts';
import type { ColumnDefinition } from '../../catalog/table-definition.ts';
import { toTargetName } from '../target/target-names.ts';
import type { TargetTable } from '../target/target-table.ts';

const name = toTargetName('public', 't');

function relation(columns: Record<string, string>): Relation {
  return {
    namespace: 'public.t',
    columns: Object.entries(columns).map(([each, type]) => ({
      name: each,
      type,
      encoding: 'text',
    })),
    key: [],
    identity: 'row',
    order: 'namespace',
  };
}

function table(columns: Record<string, string>): TargetTable {
  const more = { notNull: false, hasDefault: false, insertOnly: false, generated: false };
  return {
    oid: 1,
    kind: 'r',
    columns: Object.entries(columns).map(([each, type]) => ({
      name: each,
      type,
      cast: type,
      ...more,
    })),
    losesRows: false,
    merges: true,
    indexes: [],
  };
}

describe('what a person has to do', () => {
  const before = { a: 'integer', b: 'text' };
  it.each([
    ['nothing where columns were added', { ...before, c: 'text' }, before, []],
    ['nothing once it is done', { a: 'integer' }, { a: 'integer' }, []],
    ['drop', { a: 'integer' }, before, ['DROP COLUMN "b"']],
    ['rename', { a: 'integer', z: 'text' }, before, ['RENAME COLUMN "b" TO "z"']],
    ['retype', { a: 'bigint', b: 'text' }, before, ['ALTER COLUMN "a" TYPE bigint']],
    [
      'rename, and retype another',
      { a: 'bigint', z: 'text' },
      before,
      ['RENAME COLUMN "b" TO "z"', 'ALTER COLUMN "a" TYPE bigint'],
    ],
    ['drop and add of another type', { a: 'integer', z: 'date' }, before, ['DROP COLUMN "b"']],
    [
      'drop what only the source dropped',
      { a: 'integer' },
      { ...before, own: 'text' },
      ['DROP COLUMN "b"'],
    ],
  ])('is %s', (_what, after, there, statements) => {
    const found = changesByHand(relation(before), relation(after), table(there), name);
    expect(found).toEqual(statements.map((each) => `ALTER TABLE "public"."t" ${each}`));
  });
});

describe('an added column', () => {
  const column: ColumnDefinition = { name: 'n', type: 'text', notNull: true, default: "'new'::text", missing: "it's", identity: null, generated: null, generatedKind: null, collation: null }; // prettier-ignore

  it('gives older rows what they have at the source, then newer ones the default of today', () => {
    expect(toAddColumn(column, name, true)).toEqual([
      `ALTER TABLE "public"."t" ADD COLUMN "n" text DEFAULT 'it''s'::text NOT NULL`,
      `ALTER TABLE "public"."t" ALTER COLUMN "n" SET DEFAULT 'new'::text`,
    ]);
  });

  it('is only NOT NULL where that can hold', () => {
    const bare = { ...column, default: null, missing: null };
    expect(toAddColumn(bare, name, true)).toEqual(['ALTER TABLE "public"."t" ADD COLUMN "n" text']);
    expect(toAddColumn(bare, name, false)[0]).toMatch(/ NOT NULL$/);
    expect(toAddColumn({ ...column, default: null }, name, true)[1]).toMatch(/DROP DEFAULT$/);
  });
});
