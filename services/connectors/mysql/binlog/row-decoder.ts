import { Refusal } from '../../../../shared/row/canonical/refusal.ts';
import { ValueRefusal } from '../../../../shared/row/canonical/row-codec.ts';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import type { NativeColumn } from '../catalog/native-columns.ts';
import type { Charsets } from '../values/charsets.ts';
import { ColumnMismatch, columnReader, UnreadColumn } from './column-readers.ts';
import type { RowsEvent } from './log-reader.ts';
import type { TableMap } from './table-map.ts';
import { TupleWriter } from '../values/tuple-writer.ts';
import type { ColumnReader } from '../values/column-reader.ts';

/**
 * Told of each row, as tuples of canonical text in bytes that are written anew with the next one. In the tuple after an
 * update, a column that neither image has is unchanged; in one before, of an update or delete, such a column is unchanged
 * too, which says there that nothing is known of it.
 */
export interface RowSink {
  insert(bytes: Buffer, from: number, to: number): void;
  update(bytes: Buffer, before: number, after: number, to: number): void;
  delete(bytes: Buffer, from: number, to: number): void;
}

/** The text of one column: where its length stands in the writer; -1 where the image does not have it. */
const ABSENT = -1;

/**
 * Reads the rows of one table as one table map says it, into tuples of the columns that are carried. Compiled once for
 * each map; nothing is made for a row.
 */
export class RowDecoder {
  readonly #name: string;
  readonly #readers: readonly ColumnReader[];
  readonly #carried: readonly boolean[];
  readonly #count: number;
  readonly #key: readonly number[] | null;
  readonly #out = new TupleWriter();
  /** Of the image before, for what the one after leaves out. */
  readonly #places: number[];

  /** `columns`: as the catalog has them now, of which those with `carried` are written. Throws where the log says another table. */
  constructor(
    map: TableMap,
    columns: readonly NativeColumn[],
    carried: readonly boolean[],
    charsets: Charsets,
  ) {
    this.#name = `${map.database}.${map.table}`;
    this.#readers = this.#compile(map, columns, charsets);
    this.#carried = carried;
    this.#count = carried.filter(Boolean).length;
    this.#key = map.key;
    this.#places = columns.map(() => ABSENT);
  }

  decode(event: RowsEvent, sink: RowSink): void {
    const { change, before, after, images } = event;
    if (change === 'insert') this.#requireAll(after!);
    else this.#requireKey(before!);
    const out = this.#out;
    for (let at = 0; at < images.length;) {
      out.clear();
      this.#places.fill(ABSENT);
      const first = out.at;
      at = this.#image(images, at, before ?? after!, false);
      if (change === 'insert') sink.insert(out.bytes, first, out.at);
      else if (change === 'delete') sink.delete(out.bytes, first, out.at);
      else {
        const second = out.at;
        at = this.#image(images, at, after!, true);
        sink.update(out.bytes, first, second, out.at);
      }
    }
  }

  #compile(
    map: TableMap,
    columns: readonly NativeColumn[],
    charsets: Charsets,
  ): readonly ColumnReader[] {
    if (map.columns.some(({ name }) => name === null))
      throw new WeirError(
        'SOURCE_UNFIT',
        `The log does not say the columns of ${this.#name}; set binlog_row_metadata=FULL at the server, and copy again.`,
      );
    try {
      if (map.columns.length !== columns.length)
        throw new ColumnMismatch(
          `it has ${map.columns.length} columns in the log and ${columns.length} in the catalog`,
        );
      return map.columns.map((mapped, place) => columnReader(mapped, columns[place]!, charsets));
    } catch (error) {
      if (error instanceof UnreadColumn)
        throw new WeirError(
          'SOURCE_UNFIT',
          `The table ${this.#name} cannot be read from the log: ${error.message}, which is not known here; change the column, or leave the table out.`,
        );
      if (!(error instanceof ColumnMismatch)) throw error;
      throw new WeirError(
        'SCHEMA_CHANGED',
        `The table ${this.#name} is not in the log as it was known: ${error.message}.`,
      );
    }
  }

  /** One image: a bit for each of its columns that says whether it is NULL, then the values of the others. */
  #image(images: Buffer, from: number, present: Buffer, isAfter: boolean): number {
    const out = this.#out;
    out.begin(this.#count);
    const readers = this.#readers;
    let bit = 0;
    let at = from + ((countBits(present) + 7) >> 3);
    for (let column = 0; column < readers.length; column++) {
      const isCarried = this.#carried[column]!;
      const start = out.at;
      if (!hasBit(present, column)) {
        if (!isCarried) continue;
        const place = isAfter ? this.#places[column]! : ABSENT;
        if (place === ABSENT) out.unchanged();
        else this.#repeat(place);
        continue;
      }
      const isNull = hasBit(images, 8 * from + bit++);
      if (isNull) {
        if (isCarried) out.null();
      } else {
        out.open();
        at = this.#value(readers[column]!, column, images, at);
        if (isCarried) out.close();
        else out.at = start;
      }
      if (isCarried && !isAfter) this.#places[column] = start;
    }
    if (at > images.length) throw this.#unread('a row goes beyond the end of its event');
    return at;
  }

  #value(reader: ColumnReader, column: number, images: Buffer, at: number): number {
    try {
      return reader(images, at, this.#out);
    } catch (error) {
      if (error instanceof Refusal) throw new ValueRefusal(column, error);
      if (error instanceof RangeError) throw this.#unread(error.message);
      throw error;
    }
  }

  #repeat(place: number): void {
    const out = this.#out;
    const length = out.bytes.readInt32BE(place);
    out.copy(out.bytes, place, place + 4 + Math.max(length, 0));
  }

  #requireAll(present: Buffer): void {
    const missing = this.#readers.findIndex((_, column) => !hasBit(present, column));
    if (missing >= 0)
      throw this.#unread(
        'a new row is there without all its columns; set binlog_row_image=FULL for every session that writes',
      );
  }

  #requireKey(before: Buffer): void {
    const needed = this.#key ?? this.#readers.map((_, column) => column);
    if (needed.some((column) => !hasBit(before, column)))
      throw this.#unread('a changed row is there without its key; set binlog_row_image=FULL');
  }

  #unread(what: string): WeirError {
    return new WeirError(
      'SOURCE_UNFIT',
      `The changes of ${this.#name} cannot be read from the log: ${what}.`,
    );
  }
}

function hasBit(bitmap: Buffer, place: number): boolean {
  return ((bitmap[place >> 3]! >> (place & 7)) & 1) === 1;
}

function countBits(bitmap: Buffer): number {
  let count = 0;
  for (const byte of bitmap) for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
