import type { RouteForm } from '../../change/relation.ts';
import { type LogicalType, unknownKind } from '../../schema/logical-type.ts';
import { cidrOfText, inetOfText } from './address-form.ts';
import { bsonOfBytes } from './bson-form.ts';
import { dateOfText, timeOfText, timestampOfText, timetzOfText } from './calendar-form.ts';
import { float4OfBinary, float4OfText, float8OfBinary, float8OfText } from './float-form.ts';
import {
  boolOfText,
  byteaOfText,
  hexOfText,
  int2OfText,
  int4OfText,
  int8OfText,
  oidOfText,
} from './integer-form.ts';
import { numericOfBinary, numericOfText } from './numeric-form.ts';
import { caseless, trimmed } from './text-form.ts';
import type { WriteForm } from './write-form.ts';

/** How each form is made of a value that travels as text, or in binary as PostgreSQL sends it; null: it is these bytes. */
export const KEY_FORMS: Readonly<
  Record<RouteForm, { text: WriteForm | null; binary: WriteForm | null }>
> = {
  same: { text: null, binary: null },
  bool: { text: boolOfText, binary: null },
  int2: { text: int2OfText, binary: null },
  int4: { text: int4OfText, binary: null },
  int8: { text: int8OfText, binary: null },
  oid: { text: oidOfText, binary: null },
  uuid: { text: hexOfText, binary: null },
  macaddr: { text: hexOfText, binary: null },
  bytea: { text: byteaOfText, binary: null },
  date: { text: dateOfText, binary: null },
  time: { text: timeOfText, binary: null },
  timetz: { text: timetzOfText, binary: null },
  timestamp: { text: timestampOfText, binary: null },
  inet: { text: inetOfText, binary: null },
  cidr: { text: cidrOfText, binary: null },
  numeric: { text: numericOfText, binary: numericOfBinary },
  float4: { text: float4OfText, binary: float4OfBinary },
  float8: { text: float8OfText, binary: float8OfBinary },
  trimmed: { text: trimmed, binary: trimmed },
  caseless: { text: caseless, binary: caseless },
  bson: { text: bsonOfBytes, binary: bsonOfBytes },
};

/**
 * The form for keys of a type. Null where no form is known to be as coarse as the equality of every store that has such a
 * type; the column then has no part in the lane.
 */
export function keyFormOf(type: LogicalType): RouteForm | null {
  switch (type.kind) {
    case 'boolean':
      return 'bool';
    case 'integer':
      return integerForm(type.bits, type.signed);
    case 'float':
      return type.bits === 32 ? 'float4' : 'float8';
    case 'decimal':
      return 'numeric';
    case 'string':
      return stringForm(type.comparison);
    case 'bytes':
      return 'bytea';
    case 'date':
      return 'date';
    case 'time':
      if (type.duration) return null;
      return type.zone ? 'timetz' : 'time';
    case 'timestamp':
      return 'timestamp';
    case 'uuid':
      return 'uuid';
    case 'objectId':
      return 'same';
    case 'document':
      return 'bson';
    // There are as few keys as labels, and a label may get another name while changes with both are on their way.
    case 'enum':
    case 'set':
    // 24 hours are a day, parts of arrays are whatever their type is, and nobody makes keys of the others.
    case 'interval':
    case 'json':
    case 'bits':
    case 'array':
    case 'geometry':
    case 'vector':
    case 'other':
      return null;
    default:
      return unknownKind(type);
  }
}

function integerForm(bits: number, signed: boolean): RouteForm {
  if (bits < 16 || (bits === 16 && signed)) return 'int2';
  if (bits < 32 || (bits === 32 && signed)) return 'int4';
  if (bits === 32) return 'oid';
  // What does not fit into 64 bits with a sign is a number all the same.
  return signed ? 'int8' : 'numeric';
}

/** A rule that takes different texts for one may ignore anything: accents, signs, zeros in front of digits. */
function stringForm(comparison: 'bytes' | 'padded' | 'folded'): RouteForm | null {
  if (comparison === 'folded') return null;
  return comparison === 'padded' ? 'trimmed' : 'same';
}
