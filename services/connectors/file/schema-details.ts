import { logicalOf } from '../../../shared/change/column-type.ts';
import type { ColumnDefault, TableSchema } from '../../../shared/schema/table-schema.ts';
import type { FileSchema } from './file-schema.ts';

type FileColumn = FileSchema['columns'][number];

/** Adds what the source tells of the table and others can make of it. A sequence stays behind: nobody says where it stands. */
export function withDetails(schema: FileSchema, told: TableSchema | undefined): FileSchema {
  if (told === undefined) return schema;
  const columns = schema.columns.map((column): FileColumn => {
    const found = told.columns.find(({ name }) => name === column.name);
    if (found === undefined) return column;
    const given = toFileDefault(found.default);
    return {
      ...column,
      ...(!found.nullable && !schema.key.includes(column.name) && { nullable: false as const }),
      ...(given !== undefined && { default: given }),
      ...(found.comment !== null && { comment: found.comment }),
    };
  });
  const has = (names: readonly string[]): boolean =>
    names.every((name) => columns.some((column) => column.name === name));
  const uniques = told.uniques.filter((each) => has(each.columns));
  const indexes = told.indexes.filter((each) => each.native === null && has(each.columns));
  return {
    ...{ ...schema, columns },
    ...(uniques.length > 0 && { uniques: uniques.map((each) => ({ ...each, columns: [...each.columns] })) }),
    ...(indexes.length > 0 && {
      indexes: indexes.map(({ name, columns: of, unique }) => ({ name, columns: [...of], unique })),
    }),
    ...(told.comment !== null && { comment: told.comment }),
  }; // prettier-ignore
}

function toFileDefault(given: ColumnDefault | null): FileColumn['default'] {
  switch (given?.kind) {
    case 'value':
      return { value: given.text };
    case 'now':
      return { now: true };
    case 'identity':
    case 'native':
    case undefined:
      return undefined;
  }
}

/** In terms of all stores; undefined where the file says no more than columns and key. */
export function tableSchemaOf(namespace: string, schema: FileSchema): TableSchema | undefined {
  const { columns, key, uniques, indexes, comment } = schema;
  const isDetailed = columns.some(
    (column) =>
      column.nullable !== undefined || column.default !== undefined || column.comment !== undefined,
  );
  if (!isDetailed && (uniques ?? indexes ?? comment) === undefined) return undefined;
  return {
    ...{ namespace, key, uniques: uniques ?? [], comment: comment ?? null },
    indexes: (indexes ?? []).map((each) => ({ ...each, native: null })),
    columns: columns.map((column) => ({
      ...{ name: column.name, logical: logicalOf(column), native: column.type },
      ...{ nullable: column.nullable ?? !key.includes(column.name), generated: false },
      ...{ default: toDefault(column.default), comment: column.comment ?? null },
    })),
  };
}

function toDefault(given: FileColumn['default']): ColumnDefault | null {
  if (given === undefined) return null;
  return 'now' in given ? { kind: 'now' } : { kind: 'value', text: given.value };
}
