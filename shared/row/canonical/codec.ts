import { type LogicalType, unknownKind } from '../../schema/logical-type.ts';
import { arrayCodec } from './array.ts';
import { bitsCodec } from './bits.ts';
import { booleanCodec } from './boolean.ts';
import { bytesCodec } from './bytes.ts';
import { decimalCodec } from './decimal.ts';
import { documentCodec } from './document.ts';
import { floatCodec } from './float.ts';
import { geometryCodec } from './geometry.ts';
import { intervalCodec } from './interval.ts';
import { jsonCodec } from './json.ts';
import { enumCodec, setCodec } from './labels.ts';
import { objectIdCodec } from './object-id.ts';
import { stringCodec } from './string.ts';
import { timeCodec } from './time.ts';
import { dateCodec, timestampCodec } from './timestamp.ts';
import { uuidCodec } from './uuid.ts';
import { vectorCodec } from './vector.ts';
import { integerCodec } from './integer.ts';

/**
 * The canonical form of the values of one type (README.md beside this file). Compiled once for a column; holds no state,
 * and makes nothing for a value that is in that form already.
 */
export interface Codec {
  /** Whether the bytes are the canonical form of a value, told from them alone; false in every doubt. */
  isCanonical(bytes: Buffer, from: number, to: number): boolean;
  /** The canonical form of text that is understood to be a value. Throws `Refusal`. */
  read(text: string): string;
}

export function compileCodec(type: LogicalType): Codec {
  switch (type.kind) {
    case 'boolean':
      return booleanCodec;
    case 'integer':
      return integerCodec(type);
    case 'float':
      return floatCodec(type.bits);
    case 'decimal':
      return decimalCodec(type);
    case 'string':
      return stringCodec(type);
    case 'bytes':
      return bytesCodec(type);
    case 'date':
      return dateCodec;
    case 'time':
      return timeCodec(type);
    case 'timestamp':
      return timestampCodec(type);
    case 'interval':
      return intervalCodec;
    case 'uuid':
      return uuidCodec;
    case 'json':
      return jsonCodec(type);
    case 'enum':
      return enumCodec(type.labels);
    case 'set':
      return setCodec(type.labels);
    case 'bits':
      return bitsCodec(type);
    case 'array':
      return arrayCodec(compileCodec(type.element));
    case 'document':
      return documentCodec;
    case 'objectId':
      return objectIdCodec;
    case 'geometry':
      return geometryCodec;
    case 'vector':
      return vectorCodec(type.dimensions);
    case 'other':
      return stringCodec({ length: null, fixed: false });
    default:
      return unknownKind(type);
  }
}
