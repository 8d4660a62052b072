import { Decimal128 } from 'bson';
import { readElements } from './bson-reader.ts';
import { BSON } from './bson-writer.ts';
import type { BsonSlice } from './bson-slice.ts';
import { Misfit } from './misfit.ts';

/**
 * A BSON value as JSON text. What JSON has no form for is written as Extended JSON v2 has it, so that nothing is lost:
 * `{"$oid": …}`, `{"$date": {"$numberLong": …}}`, `{"$binary": …}`, `{"$numberDecimal": …}`, `{"$numberDouble": "NaN"}`.
 */
export function toJson(value: BsonSlice): string {
  const { type, bytes, from, to } = value;
  switch (type) {
    case BSON.document: {
      const fields = [...readElements(bytes, from)].map(
        (element) => `${JSON.stringify(element.name)}:${toJson({ ...element, bytes })}`,
      );
      return `{${fields.join(',')}}`;
    }
    case BSON.array: {
      const items = [...readElements(bytes, from)].map((each) => toJson({ ...each, bytes }));
      return `[${items.join(',')}]`;
    }
    case BSON.string:
      return JSON.stringify(bytes.toString('utf8', from + 4, to - 1));
    case BSON.null:
    case BSON.undefined:
      return 'null';
    case BSON.boolean:
      return bytes[from] === 0 ? 'false' : 'true';
    case BSON.int32:
      return String(bytes.readInt32LE(from));
    case BSON.int64:
      return bytes.readBigInt64LE(from).toString();
    case BSON.double: {
      const number = bytes.readDoubleLE(from);
      if (Object.is(number, -0)) return '-0.0';
      return Number.isFinite(number) ? String(number) : `{"$numberDouble":"${number}"}`;
    }
    case BSON.decimal128: {
      const text = new Decimal128(Uint8Array.from(bytes.subarray(from, to))).toString();
      return `{"$numberDecimal":"${text}"}`;
    }
    case BSON.objectId:
      return `{"$oid":"${bytes.toString('hex', from, to)}"}`;
    case BSON.date:
      return `{"$date":{"$numberLong":"${bytes.readBigInt64LE(from)}"}}`;
    case BSON.binary: {
      const subtype = bytes[from + 4]!.toString(16).padStart(2, '0');
      const base64 = bytes.toString('base64', from + 5, to);
      return `{"$binary":{"base64":"${base64}","subType":"${subtype}"}}`;
    }
    default:
      throw new Misfit();
  }
}
