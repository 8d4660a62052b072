import path from 'node:path';
import type { LogicalType } from '../../../shared/schema/logical-type.ts';
import { showType } from '../../../shared/schema/show-type.ts';
import type { DataFile, NamespaceFiles } from './folder-listing.ts';
import { readCsv } from './csv-records.ts';
import { readText, unfit } from './file-text.ts';
import { readJsonLines, typeOfValue, widerType } from './json-lines.ts';
import { readSchemaFile } from './schema-file.ts';
import type { FileSchema } from './file-schema.ts';
import type { FileSettings } from './settings.ts';

/** How many rows of each of how many files are looked at for their fields. */
const ROWS = 1_000;
const FILES = 100;

/**
 * What the fields of a namespace are: as its schema file says. Without one, fields of CSV are text under the names of
 * the header, and those of JSON lines are what the first rows have.
 */
export async function schemaOf(each: NamespaceFiles, settings: FileSettings): Promise<FileSchema> {
  const written = await readSchemaFile(each.folder);
  if (written !== null) return written;
  const types = new Map<string, LogicalType | null>();
  for (const file of each.files.slice(0, FILES))
    for (const [name, type] of await fieldsOf(file, settings))
      types.set(name, widerType(types.get(name) ?? null, type));
  const columns = [...types].map(([name, type]) => ({
    name,
    type: type === null ? 'text' : showType(type),
  }));
  const hasKey = settings.key.length > 0 && settings.key.every((name) => types.has(name));
  return { columns, key: hasKey ? [...settings.key] : [] };
}

async function fieldsOf(
  file: DataFile,
  settings: FileSettings,
): Promise<ReadonlyMap<string, LogicalType | null>> {
  if (file.format === 'csv')
    return new Map((await readHeader(file, settings)).map((name) => [name, typeOfValue('')]));
  const types = new Map<string, LogicalType | null>();
  let rows = 0;
  for await (const record of readJsonLines(textOf(file, settings), file.name)) {
    for (const [name, value] of Object.entries(record))
      types.set(name, widerType(types.get(name) ?? null, typeOfValue(value)));
    if (++rows >= ROWS) break;
  }
  return types;
}

/** The names that the first record of a CSV file gives its fields; none where the file is empty. */
export async function readHeader(file: DataFile, settings: FileSettings): Promise<string[]> {
  const { delimiter } = settings;
  const options = { delimiter: file.delimiter ?? delimiter, skip: 0, file: file.name };
  for await (const record of readCsv(textOf(file, settings), options)) {
    const names = record.map((name) => name ?? '');
    const wrong = names.includes('')
      ? 'a column without a name'
      : new Set(names).size < names.length
        ? 'two columns of one name'
        : null;
    if (wrong !== null) throw unfit(file.name, `has ${wrong} in its first line; name each of them`);
    return names;
  }
  return [];
}

function textOf(file: DataFile, settings: FileSettings): AsyncGenerator<string> {
  const { gzip, bytes } = file;
  const { folder, encoding } = settings;
  const slice = { file: path.join(folder, file.name), gzip, encoding, from: 0, to: bytes };
  return readText(slice, new AbortController().signal);
}
