import { describe, expect, it } from 'vitest';
import type { SchemaChange } from '../../../../../shared/schema/schema-diff.ts';
import type { ColumnSchema } from '../../../../../shared/schema/table-schema.ts';
import { columnsOnly, renderChange } from './render-change.ts';
import type { ColumnDefinition } from '../../catalog/table-definition.ts';
import { toTargetName } from '../target/target-names.ts';

const name = toTargetName('public', 't');
const a = columnsOnly('public.t', [{ name: 'a', type: 'integer' }]).columns[0]!;
const mood: ColumnSchema = {
  ...a,
  logical: { kind: 'enum', name: 'mood', labels: ['0', 'x', "y'"] },
  native: 'public.mood',
};

function definition(more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return {
    ...{ name: 'a', type: 'integer', notNull: false, default: null, missing: null },
    ...{ identity: null, generated: null, generatedKind: null, collation: null },
    ...more,
  };
}

const render = (change: SchemaChange, filled = true, more: Partial<ColumnDefinition> = {}) =>
  renderChange(change, name, { columnOf: () => definition(more), filled });

describe('a change as PostgreSQL makes it', () => {
  const T = 'ALTER TABLE "public"."t"';
  const cases: readonly (readonly [SchemaChange, string[], boolean])[] = [
    [{ kind: 'columnAdded', column: a }, [`${T} ADD COLUMN "a" integer`], true],
    [{ kind: 'columnDropped', column: a }, [`${T} DROP COLUMN "a"`], false],
    [{ kind: 'columnRenamed', from: 'a', to: 'b"' }, [`${T} RENAME COLUMN "a" TO "b"""`], false],
    [{ kind: 'columnRetyped', before: a, column: { ...a, native: 'bigint' } }, [`${T} ALTER COLUMN "a" TYPE bigint`], false],
    [
      { kind: 'enumExtended', column: mood, added: [{ label: '0', after: null }, { label: "y'", after: 'x' }] },
      [`ALTER TYPE public.mood ADD VALUE '0' BEFORE 'x'`, `ALTER TYPE public.mood ADD VALUE 'y''' AFTER 'x'`],
      true,
    ],
    [{ kind: 'enumExtended', column: { ...mood, native: 'text' }, added: [{ label: '0', after: null }] }, [], true],
    [{ kind: 'nullability', column: 'a', nullable: true }, [`${T} ALTER COLUMN "a" DROP NOT NULL`], true],
    [{ kind: 'nullability', column: 'a', nullable: false }, [`${T} ALTER COLUMN "a" SET NOT NULL`], false],
    [{ kind: 'default', column: 'a', default: null }, [`${T} ALTER COLUMN "a" DROP DEFAULT`], true],
    [{ kind: 'default', column: 'a', default: { kind: 'value', text: "it's" } }, [`${T} ALTER COLUMN "a" SET DEFAULT 'it''s'`], true],
    [{ kind: 'default', column: 'a', default: { kind: 'now' } }, [`${T} ALTER COLUMN "a" SET DEFAULT CURRENT_TIMESTAMP`], true],
    [{ kind: 'default', column: 'a', default: { kind: 'native', expression: 'x(); drop' } }, [], false],
    [{ kind: 'key', key: ['a'] }, [], false],
    [{ kind: 'uniqueAdded', unique: { name: 'u', columns: ['a', 'b'] } }, [`${T} ADD CONSTRAINT "u" UNIQUE ("a", "b")`], false],
    [{ kind: 'uniqueDropped', name: 'u' }, [`${T} DROP CONSTRAINT "u"`], true],
    [{ kind: 'indexAdded', index: { name: 'i', columns: ['a'], unique: false, native: null } }, ['CREATE INDEX "i" ON "public"."t" ("a")'], true],
    [{ kind: 'indexAdded', index: { name: 'i', columns: ['a'], unique: true, native: null } }, ['CREATE UNIQUE INDEX "i" ON "public"."t" ("a")'], false],
    [{ kind: 'indexAdded', index: { name: 'i', columns: [], unique: false, native: 'FULLTEXT (a)' } }, [], false],
    [{ kind: 'indexDropped', name: 'i' }, ['DROP INDEX "public"."i"'], true],
  ]; // prettier-ignore
  it.each(cases)('%j', (change, statements, safe) => {
    expect(render(change)).toEqual({ statements, safe });
  });

  it('is not safe where rows that are there have values that are in no log', () => {
    const change = { kind: 'columnAdded', column: a } as const;
    const unknown = [{ identity: 'always' }, { default: 'random()' }, { unknown: true }] as const;
    for (const each of unknown) {
      expect(render(change, true, each).safe).toBe(false);
      expect(render(change, false, each).safe).toBe(true);
    }
    expect(render(change, true, { default: "'x'::text" }).safe).toBe(true);
    expect(render(change, true, { default: 'now()', unknown: false }).safe).toBe(true);
  });
});
