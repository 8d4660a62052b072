import path from 'node:path';
import type { Relation } from '../../../shared/change/relation.ts';
import { toTuple } from '../../../shared/change/tuple.ts';
import { readCsv } from './csv-records.ts';
import { readText, unfit } from './file-text.ts';
import { readJsonLines, toValueText } from './json-lines.ts';
import type { FileSettings } from './settings.ts';

/** What a chunk of the copy is: its content is that of the file as it was when the copy was planned. */
export interface FileCursor {
  name: string;
  format: 'csv' | 'jsonl';
  gzip: boolean;
  delimiter: string;
  /** Names of the fields of CSV, in their order. */
  header: string[];
  /** Bytes of the file. */
  from: number;
  to: number;
  /** Whether the header is part of it. */
  hasHeader: boolean;
  /** Of the whole file. */
  bytes: number;
  modifiedMs: number;
}

/** The rows of a chunk as tuples. */
export async function* readSlice(
  cursor: FileCursor,
  relation: Relation,
  { folder, encoding }: FileSettings,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { name, format, gzip, from, to } = cursor;
  const text = readText({ file: path.join(folder, name), gzip, encoding, from, to }, signal);
  const places = new Map(relation.columns.map((column, i) => [column.name, i]));
  if (format === 'jsonl') {
    for await (const record of readJsonLines(text, name)) {
      const values = new Array<string | null>(places.size).fill(null);
      for (const [field, value] of Object.entries(record))
        values[placeOf(places, field, name)] = toValueText(value);
      yield toTuple(values);
    }
    return;
  }
  const { header, delimiter, hasHeader } = cursor;
  const order = header.map((field) => placeOf(places, field, name));
  for await (const record of readCsv(text, { delimiter, skip: hasHeader ? 1 : 0, file: name })) {
    // An empty line, unless it is how the only field is NULL.
    if (record.length === 1 && record[0] === null && order.length > 1) continue;
    if (record.length !== order.length)
      throw unfit(
        name,
        `has a row of ${record.length} fields under a header of ${order.length} (behind byte ${from}); correct it, or its delimiter`,
      );
    const values = new Array<string | null>(places.size).fill(null);
    record.forEach((value, i) => (values[order[i]!] = value));
    yield toTuple(values);
  }
}

function placeOf(places: ReadonlyMap<string, number>, field: string, file: string): number {
  const place = places.get(field);
  if (place !== undefined) return place;
  throw unfit(
    file,
    `has the field ${field}, which neither a schema nor the first rows have; name all fields in a _schema.json beside it`,
  );
}
