import type { RelationPlan } from '../../../../shared/change/relation.ts';
import type { StructureChange } from '../../../../shared/change/barrier.ts';
import { qualifiedName, quoteIdent, quoteLiteral } from '../connection/names.ts';
import type { ColumnDefinition, TableDefinition, TypeDefinition } from './table-definition.ts';
import type { ColumnRecord } from './table-record.ts';

/** `StructureChange.detail` of this connector. What is wanted is in the definition of the table as it is now. */
export type ChangeDetail =
  | { kind: 'renamed'; column: string; to: string }
  | { kind: 'dropped'; column: string }
  /** `rewritten`: so were its rows, with values that no log has. */
  | { kind: 'retyped'; column: string; rewritten: boolean }
  /** Other values under the same name and type: another column, or an ALTER … TYPE … USING. */
  | { kind: 'values'; column: string }
  | { kind: 'generated'; column: string; isNew: boolean }
  | { kind: 'nullable'; column: string }
  | { kind: 'collation'; column: string }
  | { kind: 'keyless' }
  | { kind: 'unfollowed' }
  | { kind: 'type'; schema: string; name: string; statements: string[]; isTold: boolean };

/** A plan's view of a table, as this source makes it. */
export interface KnownTable extends RelationPlan {
  definition: TableDefinition;
}

/**
 * What happened to a table between two looks at it, as far as rows or what the target lets in depend on it; pure.
 * Columns that were added are no part of it: those the shape tells. `rewritten`: numbers of columns whose values an ALTER
 * has made anew (`suspectColumns`). Nothing where one of the two has no record.
 */
export function structureChanges(
  was: KnownTable,
  is: KnownTable,
  rewritten: ReadonlySet<number>,
): StructureChange[] {
  const before = was.definition.record;
  const after = is.definition.record;
  if (before === undefined || after === undefined) return [];
  return [
    ...before.columns.flatMap((column) => columnChanges(column, was, is, rewritten)),
    ...after.columns
      .filter(({ number }) => number > before.lastNumber)
      .flatMap(({ name }) => addedChanges(name, was.definition, is.definition)),
    ...was.definition.types.flatMap((type) => typeChanges(type, is.definition)),
    ...keyChanges(was, is),
  ];
}

/** Columns that were altered while their table, or a partition of it, got rows in a new file. */
export function suspectColumns(was: KnownTable, is: KnownTable): ColumnRecord[] {
  const before = was.definition.record;
  const after = is.definition.record;
  if (before === undefined || after === undefined) return [];
  const files = new Map(before.leaves.map(({ oid, file }) => [oid, file]));
  const isMoved = after.leaves.some(({ oid, file }) => files.has(oid) && files.get(oid) !== file);
  if (!isMoved) return [];
  const columns = after.columns.map((now) => ({
    now,
    old: before.columns.find(({ number }) => number === now.number),
  }));
  const altered = columns.filter(({ now, old }) => old?.writtenBy !== now.writtenBy);
  const suspects = altered.filter(({ now, old }) => {
    if (old === undefined) return false;
    if (!old.hasMissing || now.hasMissing) return true;
    // It may only have lost the value of its older rows to what was done to another column.
    const isAlone = altered.every(
      (each) => each.now.writtenBy !== now.writtenBy || each.old?.hasMissing === true,
    );
    return isAlone || now.defaultId === null || now.defaultId !== old.defaultId;
  });
  return suspects.map(({ now }) => now);
}

function columnChanges(
  { number, name }: ColumnRecord,
  was: KnownTable,
  is: KnownTable,
  rewritten: ReadonlySet<number>,
): StructureChange[] {
  const now = is.definition.record!.columns.find((each) => each.number === number);
  const quoted = quoteIdent(name);
  if (now === undefined) {
    const again = find(is.definition, name);
    // One that is computed comes with its values: see `addedChanges`.
    if (again !== undefined && again.generated !== null) return [];
    return again !== undefined
      ? [told(`the column ${quoted} was dropped and another added in its name`, { kind: 'values', column: name })] // prettier-ignore
      : [told(`the column ${quoted} was dropped`, { kind: 'dropped', column: name })];
  }
  const old = find(was.definition, name);
  const column = find(is.definition, now.name);
  if (old === undefined || column === undefined) return [];
  const changes: StructureChange[] = [];
  const isAnew = rewritten.has(number);
  if (now.name !== name)
    changes.push(
      told(`the column ${quoted} was renamed to ${quoteIdent(now.name)}`, {
        kind: 'renamed',
        column: name,
        to: now.name,
      }),
    );
  if (old.type !== column.type)
    changes.push(
      told(
        `the type of ${quoteIdent(now.name)} was changed from ${old.type} to ${column.type}${isAnew ? ', and its values may have been, too (USING)' : ''}`,
        { kind: 'retyped', column: now.name, rewritten: isAnew },
      ),
    );
  else if (isAnew && column.generated === null)
    changes.push(
      told(`the values of ${quoteIdent(now.name)} were changed by an ALTER … TYPE … USING`, {
        kind: 'values',
        column: now.name,
      }),
    );
  return [...changes, ...propertyChanges(old, column)];
}

function propertyChanges(old: ColumnDefinition, column: ColumnDefinition): StructureChange[] {
  const quoted = quoteIdent(column.name);
  const changes: StructureChange[] = [];
  if (column.generated !== null && old.generated !== column.generated)
    changes.push(
      told(`the expression of the generated column ${quoted} was changed`, {
        kind: 'generated',
        column: column.name,
        isNew: false,
      }),
    );
  if (old.notNull && !column.notNull)
    changes.push(told(`${quoted} may be NULL now`, { kind: 'nullable', column: column.name }));
  if (old.type === column.type && old.collation !== column.collation)
    changes.push(
      told(`the collation of ${quoted} was changed`, { kind: 'collation', column: column.name }),
    );
  return changes;
}

function addedChanges(name: string, was: TableDefinition, is: TableDefinition): StructureChange[] {
  if ((find(is, name)?.generated ?? null) === null) return [];
  const isNew = find(was, name) === undefined;
  return [
    told(
      `the generated column ${quoteIdent(name)} was added${isNew ? '' : ' in place of another'}`,
      {
        kind: 'generated',
        column: name,
        isNew,
      },
    ),
  ];
}

function typeChanges(was: TypeDefinition, definition: TableDefinition): StructureChange[] {
  const is = definition.types.find(
    ({ schema, name }) => schema === was.schema && name === was.name,
  );
  if (is === undefined) return [];
  // Plans of an earlier version do not have the parts of types.
  const known = was.parts !== undefined && is.parts !== undefined;
  const isOther = known && partsText(was) !== partsText(is);
  if (was.create === is.create && !isOther) return [];
  const { schema, name } = is;
  const detail: ChangeDetail = {
    kind: 'type',
    schema,
    name,
    statements: known ? typeStatements(was, is) : [],
    // The same by all that can be seen of it: an attribute was dropped and added again.
    isTold: was.create !== is.create,
  };
  return [told(`the type ${qualifiedName(schema, name)} was changed`, detail)];
}

function partsText({ parts = [] }: TypeDefinition): string {
  return JSON.stringify(parts.map(({ id, text, sql = null }) => [id, text, sql]));
}

/** What makes a type of `was` into one of `is`, as far as its parts tell. */
function typeStatements(was: TypeDefinition, is: TypeDefinition): string[] {
  const before = was.parts ?? [];
  const after = is.parts ?? [];
  const left = before.filter(({ id }) => !after.some((each) => each.id === id));
  const added = after.filter(({ id }) => !before.some((each) => each.id === id));
  const renamed = after.flatMap(({ id, text }) => {
    const old = before.find((each) => each.id === id);
    return old === undefined || old.text === text ? [] : [[old.text, text] as const];
  });
  const alter = `ALTER ${is.kind === 'domain' ? 'DOMAIN' : 'TYPE'} ${qualifiedName(is.schema, is.name)}`;
  switch (is.kind) {
    case 'enum':
      return [
        ...renamed.map(([from, to]) => `${alter} RENAME VALUE ${quote(from)} TO ${quote(to)}`),
        ...added.map(
          (label) =>
            `${alter} ADD VALUE ${quote(label.text)}${placeOf(after, after.indexOf(label))}`,
        ),
      ];
    case 'composite':
      return [
        ...left.map(({ text }) => `${alter} DROP ATTRIBUTE ${quoteIdent(text)} CASCADE`),
        ...renamed.map(
          ([from, to]) =>
            `${alter} RENAME ATTRIBUTE ${quoteIdent(from)} TO ${quoteIdent(to)} CASCADE`,
        ),
        ...added.map(({ sql = '' }) => `${alter} ADD ATTRIBUTE ${sql} CASCADE`),
      ];
    case 'domain':
      return [
        ...left.map(({ text }) => `${alter} DROP CONSTRAINT ${quoteIdent(text)}`),
        ...renamed.map(
          ([from, to]) => `${alter} RENAME CONSTRAINT ${quoteIdent(from)} TO ${quoteIdent(to)}`,
        ),
        ...added.map(({ text, sql = '' }) => `${alter} ADD CONSTRAINT ${quoteIdent(text)} ${sql}`),
      ];
    case 'range':
      return [];
  }
}

function quote(text: string): string {
  return quoteLiteral(text).trim();
}

function placeOf(labels: readonly { text: string }[], at: number): string {
  const before = labels[at - 1];
  if (before !== undefined) return ` AFTER ${quote(before.text)}`;
  const next = labels[at + 1];
  return next === undefined ? '' : ` BEFORE ${quote(next.text)}`;
}

function keyChanges(
  { relation: was }: KnownTable,
  { relation: is }: KnownTable,
): StructureChange[] {
  if (was.identity === is.identity) return [];
  if (is.identity === 'none') return [told(KEYLESS, { kind: 'keyless' })];
  if (was.identity !== 'none') return [];
  const says = 'its rows can be told apart now, and updates and deletes were not followed before';
  return [told(says, { kind: 'unfollowed' })];
}

/** What happened to a table of which only inserts can be followed from now on. */
export const KEYLESS = 'what tells its rows apart (key, replica identity) was dropped';

function find({ columns }: TableDefinition, name: string): ColumnDefinition | undefined {
  return columns.find((each) => each.name === name);
}

function told(says: string, detail: ChangeDetail): StructureChange {
  return { says, detail };
}

/** Whether a name means another column than it did, so that names alone would mislead. */
export function reusesNames(changes: readonly StructureChange[], is: KnownTable): boolean {
  return changes.some(({ detail }) => {
    const change = detail as ChangeDetail;
    if (change.kind === 'values') return true;
    return change.kind === 'renamed' && find(is.definition, change.column) !== undefined;
  });
}
