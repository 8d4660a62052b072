import { Decimal128 } from 'bson';
import { refuse } from '../row/canonical/refusal.ts';
import { requireText } from '../row/canonical/string.ts';
import { readElements } from './bson-reader.ts';
import { BSON, SUBTYPE_OLD_BINARY } from './bson-writer.ts';
import type { BsonSlice } from './bson-slice.ts';
import { wrapperOf } from './json-wrapper.ts';

/**
 * A BSON value as canonical Extended JSON (version 2 of its specification), straight from its bytes, so that no value becomes
 * one of JavaScript on its way. `fromExtendedJson` makes the same bytes of it; what it would not is refused: throws `Refusal`.
 */
export function toExtendedJson(value: BsonSlice): string {
  const { type, bytes, from, to } = value;
  switch (type) {
    case BSON.document:
      return documentJson(bytes, from);
    case BSON.array:
      return `[${[...readElements(bytes, from)].map((each) => toExtendedJson({ ...each, bytes })).join(',')}]`;
    case BSON.string:
      return stringJson(bytes, from, to);
    case BSON.null:
      return 'null';
    case BSON.undefined:
      return '{"$undefined":true}';
    case BSON.boolean:
      return bytes[from] === 0 ? 'false' : 'true';
    case BSON.int32:
      return `{"$numberInt":"${bytes.readInt32LE(from)}"}`;
    case BSON.int64:
      return longJson(bytes, from);
    case BSON.double:
      return `{"$numberDouble":"${doubleText(bytes, from)}"}`;
    case BSON.decimal128:
      return `{"$numberDecimal":"${decimalText(bytes.subarray(from, to))}"}`;
    case BSON.objectId:
      return `{"$oid":"${bytes.toString('hex', from, to)}"}`;
    case BSON.date:
      return `{"$date":${longJson(bytes, from)}}`;
    case BSON.timestamp:
      return `{"$timestamp":{"t":${bytes.readUInt32LE(from + 4)},"i":${bytes.readUInt32LE(from)}}}`;
    case BSON.binary:
      return binaryJson(bytes, from, to);
    case BSON.regex: {
      const end = bytes.indexOf(0, from);
      const [pattern, options] = [textOf(bytes, from, end), textOf(bytes, end + 1, to - 1)];
      return `{"$regularExpression":{"pattern":${JSON.stringify(pattern)},"options":${JSON.stringify(options)}}}`;
    }
    case BSON.code:
      return `{"$code":${stringJson(bytes, from, to)}}`;
    case BSON.symbol:
      return `{"$symbol":${stringJson(bytes, from, to)}}`;
    case BSON.scope: {
      const end = from + 8 + bytes.readInt32LE(from + 4);
      return `{"$code":${stringJson(bytes, from + 4, end)},"$scope":${documentJson(bytes, end)}}`;
    }
    case BSON.pointer: {
      const id = `{"$oid":"${bytes.toString('hex', to - 12, to)}"}`;
      return `{"$dbPointer":{"$ref":${stringJson(bytes, from, to - 12)},"$id":${id}}}`;
    }
    case BSON.minKey:
      return '{"$minKey":1}';
    case BSON.maxKey:
      return '{"$maxKey":1}';
    default:
      return refuse('it is of no type that BSON has');
  }
}

function documentJson(bytes: Buffer, from: number): string {
  const elements = [...readElements(bytes, from)];
  if (wrapperOf(elements.map(({ name }) => name)) !== null)
    refuse('it is a document with the names that Extended JSON has for a value');
  const fields = elements.map((each) => {
    requireText(each.name);
    return `${JSON.stringify(each.name)}:${toExtendedJson({ ...each, bytes })}`;
  });
  return `{${fields.join(',')}}`;
}

/** Of a string of BSON, with its length before it. */
function stringJson(bytes: Buffer, from: number, to: number): string {
  return JSON.stringify(textOf(bytes, from + 4, to - 1));
}

function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to);
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes.subarray(from, to)))
    refuse('it has bytes that are no text in UTF-8');
  return text;
}

function longJson(bytes: Buffer, from: number): string {
  return `{"$numberLong":"${bytes.readBigInt64LE(from)}"}`;
}

function doubleText(bytes: Buffer, from: number): string {
  const value = bytes.readDoubleLE(from);
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function decimalText(bytes: Buffer): string {
  const text = new Decimal128(Uint8Array.from(bytes)).toString();
  if (!bytes.equals(Decimal128.fromString(text).bytes))
    refuse('it is a decimal that is not written in the usual way, such as a NaN with a payload');
  return text;
}

function binaryJson(bytes: Buffer, from: number, to: number): string {
  const subtype = bytes[from + 4]!;
  // The old form has its length twice.
  const start = subtype === SUBTYPE_OLD_BINARY ? from + 9 : from + 5;
  if (start > to || (start === from + 9 && bytes.readInt32LE(from + 5) !== to - start))
    refuse('its two lengths are not the same');
  const code = subtype.toString(16).padStart(2, '0');
  return `{"$binary":{"base64":"${bytes.toString('base64', start, to)}","subType":"${code}"}}`;
}
