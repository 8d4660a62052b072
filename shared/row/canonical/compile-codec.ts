import { type LogicalType, unknownKind } from '../../schema/logical-type.ts';
import { booleanCodec } from './boolean.ts';
import { integerCodec } from './integer.ts';
import { floatCodec } from './float.ts';
import { decimalCodec } from './decimal.ts';
import { stringCodec } from './string.ts';
import { bytesCodec } from './bytes.ts';
import { dateCodec, timestampCodec } from './timestamp.ts';
import { timeCodec } from './time.ts';
import { intervalCodec } from './interval.ts';
import { uuidCodec } from './uuid.ts';
import { jsonCodec } from './json.ts';
import { enumCodec, setCodec } from './labels.ts';
import { bitsCodec } from './bits.ts';
import { arrayCodec } from './array.ts';
import { documentCodec } from './document.ts';
import { objectIdCodec } from './object-id.ts';
import { geometryCodec } from './geometry.ts';
import { vectorCodec } from './vector.ts';
import type { Codec } from './codec.ts';

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
