import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

type Row = Record<string, unknown>;

interface Entry {
  kind: 'rows' | 'changes' | 'truncate' | 'schema';
  namespace: string;
  file?: string;
}

/**
 * What a folder that was written by `file:` comes to, by its documentation alone: the manifest's entries in their order,
 * each file once, the lines of JSON one after the other. Rows by their key as JSON, for each namespace.
 */
export async function readWrittenFolder(folder: string): Promise<Map<string, Map<string, Row>>> {
  const tables = new Map<string, Map<string, Row>>();
  const seen = new Set<string>();
  const manifest = path.join(folder, '_manifest.jsonl');
  // It comes with the first rows.
  const entries = existsSync(manifest) ? await lines<Entry>(manifest) : [];
  const emptied = new Map(
    entries.flatMap(({ kind, namespace }, i) =>
      kind === 'truncate' ? [[namespace, i] as const] : [],
    ),
  );
  for (const [i, { kind, namespace, file }] of entries.entries()) {
    // What is gone need not be there any more.
    if (kind !== 'truncate' && i < (emptied.get(namespace) ?? 0)) continue;
    if (file !== undefined && seen.has(file)) continue;
    if (file !== undefined) seen.add(file);
    const table = tables.get(namespace) ?? new Map<string, Row>();
    tables.set(namespace, table);
    if (kind === 'truncate') table.clear();
    if (file === undefined) continue;
    const schema = path.join(folder, path.dirname(file), '_schema.json');
    const { key } = JSON.parse(await readFile(schema, 'utf8')) as { key: string[] };
    const nameOf = (row: Row): string => JSON.stringify(key.map((column) => row[column]));
    for (const { _op, _key, ...row } of await lines<Row>(path.join(folder, file))) {
      if (_op === 'patch') {
        patch(table.get(nameOf(row)), row);
        continue;
      }
      const before = table.get(nameOf((_key as Row | undefined) ?? row)) ?? {};
      if (_op === 'delete') table.delete(nameOf(row));
      if (_op === 'move') table.delete(nameOf(_key as Row));
      if (_op === 'delete') continue;
      table.set(nameOf(row), _op === 'update' || _op === 'move' ? { ...before, ...row } : row);
    }
  }
  return tables;
}

/** Of a document; paths of the first level only. */
function patch(row: Row | undefined, { set, unset }: Row): void {
  if (row === undefined) return;
  const document = { ...(row['document'] as Row), ...(set as Row) };
  for (const name of unset as string[]) delete document[name];
  row['document'] = document;
}

/** As text: JavaScript would round them. */
function withWideNumbers(line: string): string {
  return line.replace(/"(\w+)":(-?\d{16,})(?=[,}])/g, '"$1":"$2"');
}

async function lines<T>(file: string): Promise<T[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(withWideNumbers(line)) as T);
}
