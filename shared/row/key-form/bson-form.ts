import { Decimal128 } from 'bson';
import { type BsonElement, BsonError, readElements } from '../../document/bson-reader.ts';
import { BSON } from '../../document/bson-writer.ts';
import { compareDecimal, toDecimal } from './exact-decimal.ts';
import type { WriteForm } from './write-form.ts';

/**
 * A BSON document as a key: numbers by what they are worth and not by their type, as MongoDB compares them, so that the
 * ids 1 of an int32, an int64, a double and a decimal are one; symbols are strings. The rest is its type and its bytes, in
 * the order of the fields. Exact: documents of one form are equal.
 */
export const bsonOfBytes: WriteForm = (target, at, source, start, end) => {
  const document = source.subarray(start, end);
  try {
    return writeElements(target, at, document);
  } catch (error) {
    // Whoever writes the row refuses it, and says so.
    if (!(error instanceof BsonError)) throw error;
    return at + document.copy(target, at);
  }
};

function writeElements(target: Buffer, at: number, document: Buffer): number {
  for (const element of readElements(document)) {
    const { type } = element;
    const name = Buffer.from(element.name);
    target[at++] = isNumber(type) ? BSON.double : type === BSON.symbol ? BSON.string : type;
    at = target.writeUInt32BE(name.length, at);
    at += name.copy(target, at);
    // Its length goes before the value.
    const from = at + 4;
    const to = writeValue(target, from, document, element);
    target.writeUInt32BE(to - from, at);
    at = to;
  }
  return at;
}

function writeValue(
  target: Buffer,
  at: number,
  source: Buffer,
  { type, from, to }: BsonElement,
): number {
  switch (type) {
    case BSON.document:
    case BSON.array:
      return writeElements(target, at, source.subarray(from, to));
    case BSON.int32:
      return writeNumber(target, at, source.readInt32LE(from));
    case BSON.double:
      return writeNumber(target, at, source.readDoubleLE(from));
    case BSON.int64: {
      const value = source.readBigInt64LE(from);
      const near = Number(value);
      if (BigInt(near) === value) return writeNumber(target, at, near);
      return writeDecimal(target, at, value.toString());
    }
    case BSON.decimal128:
      return writeDecimal(target, at, new Decimal128(source.subarray(from, to)).toString());
    default:
      return at + source.copy(target, at, from, to);
  }
}

function isNumber(type: number): boolean {
  return (
    type === BSON.int32 || type === BSON.int64 || type === BSON.double || type === BSON.decimal128
  );
}

/** Eight bytes; what no double is exactly takes more. */
function writeNumber(target: Buffer, at: number, value: number): number {
  if (Number.isNaN(value)) return target.writeDoubleBE(NaN, at);
  return target.writeDoubleBE(value === 0 ? 0 : value, at);
}

function writeDecimal(target: Buffer, at: number, text: string): number {
  const decimal = toDecimal(text);
  const near = Number(text);
  if (decimal === null) return writeNumber(target, at, near);
  if (Number.isFinite(near) && compareDecimal(decimal, near) === 0)
    return writeNumber(target, at, near);
  return at + target.write(`=${decimal.digits}e${decimal.exponent}`.padEnd(9), at, 'latin1');
}
