import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Relation } from '../../../shared/change/relation.ts';
import type { RefusedRow } from '../../../shared/connector/parking.ts';
import { RowCodec } from '../../../shared/row/canonical/row-codec.ts';
import { hasCode } from '../../../shared/ledger/versioned-file.ts';
import { readCsv } from './csv-records.ts';
import { readText, unfit } from './file-text.ts';
import { readJsonLines, toValueText } from './json-lines.ts';
import { refusedRow, stopAtRefused } from './refused-row.ts';
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

/** What is done with a row that is not understood; returns to leave it out. */
export type OnRefused = (row: RefusedRow) => void;

/** The rows of a chunk as tuples. */
export function readSlice(
  cursor: FileCursor,
  relation: Relation,
  { folder, encoding }: FileSettings,
  signal: AbortSignal,
  onRefused?: OnRefused,
): AsyncGenerator<Buffer> {
  const { name, gzip, from, to } = cursor;
  const text = readText({ file: path.join(folder, name), gzip, encoding, from, to }, signal);
  return readRows(text, cursor, relation, onRefused);
}

/** The rows in text of a file, from the beginning of a record on, their values in the canonical form of their types. */
export async function* readRows(
  text: AsyncIterable<string>,
  cursor: Omit<FileCursor, 'to'>,
  relation: Relation,
  onRefused: OnRefused = stopAtRefused,
): AsyncGenerator<Buffer> {
  const codec = new RowCodec(relation);
  let row = 0;
  for await (const values of readValues(text, cursor, relation)) {
    row++;
    try {
      yield codec.write(values);
    } catch (error) {
      onRefused(refusedRow(error, values, relation, { ...cursor, row }));
    }
  }
}

/** The texts of each row in the order of the columns. */
async function* readValues(
  text: AsyncIterable<string>,
  { name, format, header, delimiter, hasHeader, from }: Omit<FileCursor, 'to'>,
  relation: Relation,
): AsyncGenerator<(string | null)[]> {
  const places = new Map(relation.columns.map((column, i) => [column.name, i]));
  if (format === 'jsonl') {
    for await (const record of readJsonLines(text, name)) {
      const values = new Array<string | null>(places.size).fill(null);
      for (const [field, value] of Object.entries(record))
        values[placeOf(places, field, name)] = toValueText(value);
      yield values;
    }
    return;
  }
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
    yield values;
  }
}

/** Rows of two states of a file are rows of none. */
export async function requireSame(
  { folder }: FileSettings,
  { name, bytes, modifiedMs }: Pick<FileCursor, 'name' | 'bytes' | 'modifiedMs'>,
): Promise<void> {
  try {
    const found = await stat(path.join(folder, name));
    if (found.size === bytes && found.mtimeMs === modifiedMs) return;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  throw unfit(
    name,
    'is not as it was when the copy was planned; put it back, or run `weir reset` and copy again',
  );
}

function placeOf(places: ReadonlyMap<string, number>, field: string, file: string): number {
  const place = places.get(field);
  if (place !== undefined) return place;
  throw unfit(
    file,
    `has the field ${field}, which neither a schema nor the first rows have; name all fields in a _schema.json beside it`,
  );
}
