import type { LogicalType } from './logical-type.ts';
import type {
  ColumnDefault,
  ColumnSchema,
  IndexSchema,
  TableSchema,
  UniqueSchema,
} from './table-schema.ts';

/** One thing that is different between two states of a table, in terms that every store can answer in. */
export type SchemaChange =
  | { kind: 'columnAdded'; column: ColumnSchema }
  | { kind: 'columnDropped'; column: Pick<ColumnSchema, 'name'> }
  | { kind: 'columnRenamed'; from: string; to: string }
  /** Named as it is afterwards, as are all below. */
  | { kind: 'columnRetyped'; before: ColumnSchema; column: ColumnSchema }
  /** `added` in their place among the others; labels that went or moved make it a retyped column. */
  | { kind: 'enumExtended'; column: ColumnSchema; added: readonly AddedLabel[] }
  | { kind: 'nullability'; column: string; nullable: boolean }
  | { kind: 'default'; column: string; default: ColumnDefault | null }
  | { kind: 'key'; key: readonly string[] }
  | { kind: 'uniqueAdded'; unique: UniqueSchema }
  | { kind: 'uniqueDropped'; name: string }
  | { kind: 'indexAdded'; index: IndexSchema }
  | { kind: 'indexDropped'; name: string };

/** `after`: the label that it follows; null where it is the first. */
export interface AddedLabel {
  label: string;
  after: string | null;
}

export interface DiffOptions {
  /** Whether both hold the same; by what they hold, unless said otherwise. */
  isSameType?: (before: ColumnSchema, after: ColumnSchema) => boolean;
}

/**
 * What was done to a table to make `before` what `after` is; pure. Done in their order to `before`, the changes give
 * `after`, but for the order of its columns and comments. Columns are told apart by their names: where one has gone and
 * one of the same type has come, and no other, it is taken for the same under another name.
 */
export function diffSchemas(
  before: TableSchema,
  after: TableSchema,
  { isSameType = holdsTheSame }: DiffOptions = {},
): SchemaChange[] {
  const gone = before.columns.filter(({ name }) => !has(after, name));
  const come = after.columns.filter(({ name }) => !has(before, name));
  const isRenamed = gone.length === 1 && come.length === 1 && isSameType(gone[0]!, come[0]!);
  const newName = (name: string): string =>
    isRenamed && name === gone[0]!.name ? come[0]!.name : name;
  const kept = before.columns.flatMap((column) => {
    const now = after.columns.find(({ name }) => name === newName(column.name));
    return now === undefined ? [] : [{ old: column, now }];
  });
  const renamed = (names: readonly string[]): string[] => names.map(newName);
  return [
    ...(isRenamed
      ? [{ kind: 'columnRenamed' as const, from: gone[0]!.name, to: come[0]!.name }]
      : gone.map((column) => ({ kind: 'columnDropped' as const, column }))),
    ...(isRenamed ? [] : come.map((column) => ({ kind: 'columnAdded' as const, column }))),
    ...kept.flatMap(({ old, now }) => columnChanges(old, now, isSameType)),
    ...(isEqual(renamed(before.key), after.key) ? [] : [{ kind: 'key' as const, key: after.key }]),
    ...listChanges(
      before.uniques.map((each) => ({ ...each, columns: renamed(each.columns) })),
      after.uniques,
      (unique) => ({ kind: 'uniqueAdded', unique }),
      (name) => ({ kind: 'uniqueDropped', name }),
    ),
    ...listChanges(
      before.indexes.map((each) => ({ ...each, columns: renamed(each.columns) })),
      after.indexes,
      (index) => ({ kind: 'indexAdded', index }),
      (name) => ({ kind: 'indexDropped', name }),
    ),
  ];
}

function has({ columns }: TableSchema, name: string): boolean {
  return columns.some((column) => column.name === name);
}

function columnChanges(
  old: ColumnSchema,
  now: ColumnSchema,
  isSameType: (before: ColumnSchema, after: ColumnSchema) => boolean,
): SchemaChange[] {
  const changes: SchemaChange[] = [];
  const added = addedLabels(old.logical, now.logical);
  if (added !== null) changes.push({ kind: 'enumExtended', column: now, added });
  else if (!isSameType(old, now) || old.generated !== now.generated)
    changes.push({ kind: 'columnRetyped', before: old, column: now });
  const { name, nullable } = now;
  if (old.nullable !== nullable) changes.push({ kind: 'nullability', column: name, nullable });
  if (!isEqual(old.default, now.default))
    changes.push({ kind: 'default', column: name, default: now.default });
  return changes;
}

function holdsTheSame(a: ColumnSchema, b: ColumnSchema): boolean {
  return isEqual(a.logical, b.logical);
}

/** Null where they are no enums of one name, have the same labels, or the old labels are not all left in their order. */
function addedLabels(old: LogicalType, now: LogicalType): AddedLabel[] | null {
  if (old.kind !== 'enum' || now.kind !== 'enum' || old.name !== now.name) return null;
  const isKept = isEqual(
    now.labels.filter((label) => old.labels.includes(label)),
    old.labels,
  );
  if (!isKept || old.labels.length === now.labels.length) return null;
  return now.labels.flatMap((label, i) =>
    old.labels.includes(label) ? [] : [{ label, after: i === 0 ? null : now.labels[i - 1]! }],
  );
}

function listChanges<T extends { name: string }>(
  before: readonly T[],
  after: readonly T[],
  added: (each: T) => SchemaChange,
  dropped: (name: string) => SchemaChange,
): SchemaChange[] {
  const stays = (each: T, others: readonly T[]): boolean =>
    others.some((other) => isEqual(each, other));
  return [
    ...before.filter((each) => !stays(each, after)).map(({ name }) => dropped(name)),
    ...after.filter((each) => !stays(each, before)).map(added),
  ];
}

/** Of plain data, whatever the order of its fields. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => isEqual(a[key as keyof typeof a], b[key as keyof typeof b]))
  );
}
