import { SCHEMA, type FileSchema } from './file-schema.ts';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Relation } from '../../../shared/change/relation.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { fileType } from './file-type.ts';
import { hasCode } from '../../../shared/ledger/versioned-file.ts';

/** Beside the files of a namespace: what their fields are, written by the sink and heeded by the source. */
export const SCHEMA_FILE = '_schema.json';

/** Null where there is none. */
export async function readSchemaFile(folder: string): Promise<FileSchema | null> {
  const file = path.join(folder, SCHEMA_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
    throw error;
  }
  const read = SCHEMA.safeParse(parseJson(text));
  const names = read.success ? read.data.columns.map(({ name }) => name) : [];
  const named = read.success ? columnsNamedIn(read.data) : [];
  const unknown = named.filter((name) => !names.includes(name));
  if (read.success && unknown.length === 0 && new Set(names).size === names.length)
    return read.data;
  const reason = read.success
    ? unknown.length > 0
      ? `its key, a unique constraint or an index names ${unknown.join(', ')}, which is no column`
      : 'it names a column twice'
    : read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new WeirError(
    'SOURCE_UNFIT',
    `${file} cannot be used: ${reason}; write it as {"columns":[{"name":"id","type":"bigint"}],"key":["id"]}`,
  );
}

function columnsNamedIn({ key, uniques = [], indexes = [] }: FileSchema): string[] {
  return [...key, ...[...uniques, ...indexes].flatMap(({ columns }) => columns)];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function toSchema({ columns, key }: Relation): FileSchema {
  return {
    columns: columns.map((column) => ({ name: column.name, type: fileType(column) })),
    key: key.map((column) => columns[column]!.name),
  };
}

export function toRelation(namespace: string, { columns, key }: FileSchema): Relation {
  const places = key.map((name) => columns.findIndex((column) => column.name === name));
  return {
    namespace,
    columns: columns.map(({ name, type }) => ({ name, type, encoding: 'text' })),
    key: places,
    identity: places.length > 0 ? 'key' : 'none',
    order: places.length > 0 ? 'key' : 'namespace',
  };
}
