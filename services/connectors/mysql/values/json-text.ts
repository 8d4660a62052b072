import { TupleWriter } from './tuple-writer.ts';
import { decimalReader } from './numbers.ts';
import { readPacked } from './packed-time.ts';

const TYPE = {
  smallObject: 0x00,
  largeObject: 0x01,
  smallArray: 0x02,
  largeArray: 0x03,
  literal: 0x04,
  int16: 0x05,
  uint16: 0x06,
  int32: 0x07,
  uint32: 0x08,
  int64: 0x09,
  uint64: 0x0a,
  double: 0x0b,
  string: 0x0c,
  opaque: 0x0f,
} as const;
const LITERALS = ['null', 'true', 'false'];
const DECIMAL = 246;

/**
 * MySQL's binary JSON (mysql-server, `json_binary.h`) as the text that the server itself prints of it, so that a document
 * is the same whether it was copied or changed. Throws `RangeError` where it is none.
 */
export function jsonText(bytes: Buffer, from: number, to: number): string {
  if (from === to) return 'null';
  return valueText(bytes[from]!, bytes, from + 1, to);
}

function valueText(type: number, bytes: Buffer, at: number, to: number): string {
  switch (type) {
    case TYPE.smallObject:
    case TYPE.largeObject:
    case TYPE.smallArray:
    case TYPE.largeArray:
      return containerText(type, bytes, at);
    case TYPE.literal:
      return literalText(bytes[at]!);
    case TYPE.int16:
      return String(bytes.readInt16LE(at));
    case TYPE.uint16:
      return String(bytes.readUInt16LE(at));
    case TYPE.int32:
      return String(bytes.readInt32LE(at));
    case TYPE.uint32:
      return String(bytes.readUInt32LE(at));
    case TYPE.int64:
      return String(bytes.readBigInt64LE(at));
    case TYPE.uint64:
      return String(bytes.readBigUInt64LE(at));
    case TYPE.double:
      return doubleText(bytes.readDoubleLE(at));
    case TYPE.string: {
      const [length, start] = readVariable(bytes, at);
      return JSON.stringify(bytes.toString('utf8', start, start + length));
    }
    case TYPE.opaque:
      return opaqueText(bytes, at);
    default:
      throw new RangeError(`a document has a value of type ${type} before ${to}`);
  }
}

/** count, size; for each key its offset and length u16; for each value its type u8, and its offset or, where it fits, itself. */
function containerText(type: number, bytes: Buffer, base: number): string {
  const isLarge = type === TYPE.largeObject || type === TYPE.largeArray;
  const isObject = type === TYPE.smallObject || type === TYPE.largeObject;
  const width = isLarge ? 4 : 2;
  const read = (at: number): number => bytes.readUIntLE(at, width);
  const count = read(base);
  const end = base + read(base + width);
  const keys = base + 2 * width;
  const keySize = isObject ? width + 2 : 0;
  const values = keys + count * keySize;
  const parts: string[] = [];
  for (let place = 0; place < count; place++) {
    const at = values + place * (1 + width);
    const kind = bytes[at]!;
    const start = isInline(kind, isLarge) ? at + 1 : base + read(at + 1);
    const value = valueText(kind, bytes, start, end);
    if (!isObject) {
      parts.push(value);
      continue;
    }
    const key = keys + place * keySize;
    const keyStart = base + read(key);
    const name = bytes.toString('utf8', keyStart, keyStart + bytes.readUInt16LE(key + width));
    parts.push(`${JSON.stringify(name)}: ${value}`);
  }
  return isObject ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
}

function isInline(type: number, isLarge: boolean): boolean {
  if (type === TYPE.literal || type === TYPE.int16 || type === TYPE.uint16) return true;
  return isLarge && (type === TYPE.int32 || type === TYPE.uint32);
}

function literalText(byte: number): string {
  return LITERALS[byte] ?? unknownLiteral(byte);
}

function unknownLiteral(byte: number): never {
  throw new RangeError(`a document has the literal ${byte}`);
}

/** Seven bits a byte, the lowest first; more follow where the highest is set. */
function readVariable(bytes: Buffer, from: number): [number: number, end: number] {
  let number = 0;
  for (let at = from, factor = 1; at < from + 5; at++, factor *= 128) {
    number += (bytes[at]! & 0x7f) * factor;
    if (bytes[at]! < 0x80) return [number, at + 1];
  }
  throw new RangeError('a document has a length of too many bytes');
}

/** As `my_gcvt`: without an exponent where so many digits before the point, or zeros behind it, are enough. */
const MOST_PLACES = 15;

function doubleText(number: number): string {
  const [mantissa, exponent] = number.toExponential().split('e') as [string, string];
  const places = Number(exponent) + 1;
  if (places > MOST_PLACES || places < 1 - MOST_PLACES) return `${mantissa}e${Number(exponent)}`;
  const sign = Object.is(number, -0) ? '-' : '';
  const digits = places > 0 ? String(number) : number.toFixed(digitsBehind(mantissa, places));
  return `${sign}${digits}${digits.includes('.') ? '' : '.0'}`;
}

function digitsBehind(mantissa: string, places: number): number {
  return mantissa.replace(/[-.]/g, '').length - places;
}

/** A value of another type of MySQL: its code, its length, itself. */
function opaqueText(bytes: Buffer, at: number): string {
  const type = bytes[at]!;
  const [length, start] = readVariable(bytes, at + 1);
  if (type === DECIMAL) return decimalText(bytes, start);
  const time = readPacked(type, bytes, start);
  if (time !== null) return `"${time}"`;
  return `"base64:type${type}:${bytes.toString('base64', start, start + length)}"`;
}

/** precision u8, scale u8, digits as in a row. */
function decimalText(bytes: Buffer, at: number): string {
  const out = new TupleWriter();
  decimalReader(bytes[at]!, bytes[at + 1]!)(bytes, at + 2, out);
  return out.bytes.toString('latin1', 0, out.at);
}
