import { Refusal } from '../../../../shared/row/canonical/refusal.ts';
import { ValueRefusal } from '../../../../shared/row/canonical/row-codec.ts';
import { TupleWriter } from '../values/tuple-writer.ts';
import type { BytesWriter } from '../values/raw-bytes.ts';
import type { NativeColumn } from '../catalog/native-columns.ts';
import { lengthEncodedSize, NULL_MARK, readLengthEncoded } from '../connection/length-encoded.ts';
import type { Charsets } from '../values/charsets.ts';
import { columnText } from './column-texts.ts';

/** Makes tuples of canonical text from rows of the text protocol. Compiled once for a table; nothing is made for a row. */
export class TextRowDecoder {
  /** The tuples that were decoded since its last `clear`, one behind the other. */
  readonly out = new TupleWriter();
  readonly #writers: readonly BytesWriter[];

  /** The rows have one value for each of the columns, asked for by `selectedExpression`. */
  constructor(columns: readonly NativeColumn[], charsets: Charsets) {
    this.#writers = columns.map((column) => columnText(column, charsets));
  }

  /** Throws `ValueRefusal`, and has then written nothing. */
  decode(bytes: Buffer, from: number, to: number): void {
    const { out } = this;
    const start = out.begin(this.#writers.length);
    let at = from;
    for (let column = 0; column < this.#writers.length; column++) {
      if (bytes[at] === NULL_MARK) {
        out.null();
        at++;
        continue;
      }
      const length = readLengthEncoded(bytes, at);
      at += lengthEncodedSize(bytes, at);
      out.open();
      try {
        this.#writers[column]!(bytes, at, at + length, out);
      } catch (error) {
        out.at = start;
        if (error instanceof Refusal) throw new ValueRefusal(column, error);
        throw error;
      }
      out.close();
      at += length;
    }
    if (at !== to) throw new RangeError('a row has another number of values than were asked for');
  }
}
