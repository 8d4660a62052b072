import { compileCodec } from '../../../../shared/row/canonical/compile-codec.ts';
import { floatText } from '../../../../shared/row/canonical/shortest-float.ts';
import type { TupleWriter } from '../values/tuple-writer.ts';
import {
  type BytesWriter,
  writeBits,
  writeBytes,
  writeGeometry,
  writeVector,
} from '../values/raw-bytes.ts';
import type { NativeColumn } from '../catalog/native-columns.ts';
import { toLogical } from '../types/to-logical.ts';
import { type Charsets, textWriter } from '../values/charsets.ts';

const [POINT, ZERO] = [0x2e, 0x30];
/** Sets whose text is UTF-8 already, so that a server has nothing to turn into it. */
const AS_IT_IS = /^(utf8mb4|utf8mb3|utf8|ascii)(_|$)/;

function charsetOf({ type }: NativeColumn): string {
  return (type.collation ?? '').replace(/_.*/, '');
}

function isText({ type }: NativeColumn): boolean {
  return /^(char|varchar|(tiny|medium|long)?text)$/.test(type.name);
}

/**
 * What to ask for so that a column's value comes whole: of floats a server shows six digits otherwise, and bytes that are
 * no text in the column's own character set it would turn into `?`. `name` is quoted already.
 */
export function selectedExpression(column: NativeColumn, name: string): string {
  if (/^(float|double)$/.test(column.type.name)) return `${name} * 1e0`;
  if (isText(column) && !AS_IT_IS.test(column.type.collation ?? ''))
    return `CAST(${name} AS BINARY)`;
  return name;
}

/** The canonical form of a value of the text protocol that was asked for by `selectedExpression`. */
export function columnText(column: NativeColumn, charsets: Charsets): BytesWriter {
  const { type } = column;
  const logical = toLogical(type);
  switch (logical.kind) {
    case 'float':
      return (bytes, from, to, out) => {
        const number = Number(bytes.toString('latin1', from, to));
        out.text(floatText(logical.bits === 32 ? Math.fround(number) : number, logical.bits));
      };
    case 'string':
      return textWriter(charsetOf(column), charsets);
    case 'bytes':
      return writeBytes(logical.fixed ? logical.length! : 0);
    case 'bits':
      return writeBits(logical.length!);
    case 'geometry':
      return writeGeometry;
    case 'vector':
      return writeVector;
    case 'time':
    case 'timestamp': {
      const ends = logical.kind === 'timestamp' && logical.zone ? '+00' : '';
      return (bytes, from, to, out) => {
        out.copy(bytes, from, withoutZeros(bytes, from, to));
        out.text(ends);
      };
    }
    case 'integer':
    case 'decimal':
    case 'json': {
      // `zerofill` puts zeros in front, and documents are written otherwise.
      const codec = compileCodec(logical);
      return (bytes, from, to, out) => {
        if (codec.isCanonical(bytes, from, to)) out.copy(bytes, from, to);
        else out.text(codec.read(bytes.toString('utf8', from, to)));
      };
    }
    case 'date':
    case 'enum':
    case 'set':
    case 'uuid':
    case 'other':
      return copyText;
    default:
      throw new TypeError(`no column here is of the kind ${logical.kind}`);
  }
}

function copyText(bytes: Buffer, from: number, to: number, out: TupleWriter): void {
  out.copy(bytes, from, to);
}

/** Where a time ends without the zeros behind its fraction. */
function withoutZeros(bytes: Buffer, from: number, to: number): number {
  let point = to - 1;
  while (point >= from && bytes[point] !== POINT) point--;
  if (point < from) return to;
  let end = to;
  while (bytes[end - 1] === ZERO) end--;
  return end - 1 === point ? point : end;
}
