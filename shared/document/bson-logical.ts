import { Decimal128 } from 'bson';
import { daysOf } from '../row/canonical/calendar.ts';
import { parseDigits } from '../row/canonical/number-digits.ts';
import { refuse } from '../row/canonical/refusal.ts';
import type { LogicalType } from '../schema/logical-type.ts';
import { showType } from '../schema/show-type.ts';
import { readElements } from './bson-reader.ts';
import type { BsonSlice } from './bson-slice.ts';
import { BSON, SUBTYPE_UUID } from './bson-writer.ts';
import { BSON_FAMILY } from './field-type.ts';
import { toBsonValue } from './to-document.ts';

type BsonKind = keyof typeof BSON;

/**
 * The logical type of a BSON value; null where it says none. `toFieldText` of that type gives its canonical form, and
 * `fromCanonical` the value again. Types that SQL has nothing like, and binary of a subtype of its own, are `other` of
 * BSON, whose text is Extended JSON; so is an array but where all its values are of one type that SQL knows. A decimal
 * is its value: `-0` is 0, and `1E+3` is 1000.
 */
export function logicalOfBson(value: BsonSlice): LogicalType | null {
  const kind = kindOf(value.type);
  switch (kind) {
    case 'null':
    case 'undefined':
      return null;
    case 'boolean':
    case 'objectId':
    case 'document':
      return { kind };
    case 'int32':
      return { kind: 'integer', bits: 32, signed: true };
    case 'int64':
      return { kind: 'integer', bits: 64, signed: true };
    case 'double':
      return { kind: 'float', bits: 64 };
    case 'decimal128':
      return { kind: 'decimal', precision: null, scale: null };
    case 'string':
      return { kind: 'string', length: null, fixed: false, comparison: 'bytes' };
    case 'date':
      return { kind: 'timestamp', precision: 3, zone: true };
    case 'binary':
      return binaryType(value) ?? otherOf(kind);
    case 'array':
      return arrayType(value) ?? otherOf(kind);
    case 'regex':
    case 'pointer':
    case 'code':
    case 'symbol':
    case 'scope':
    case 'timestamp':
    case 'minKey':
    case 'maxKey':
      return otherOf(kind);
  }
}

/** Its BSON type, then its bytes: of a value of a type that `logicalOfBson` gives. New bytes. Throws `Refusal`. */
export function fromCanonical(type: LogicalType, canonical: Buffer): Buffer {
  if (type.kind === 'timestamp') return dateValue(canonical.toString('latin1'));
  if (type.kind === 'decimal') return decimalValue(canonical.toString('latin1'));
  return toBsonValue({ type: showType(type), logical: type }, canonical);
}

function kindOf(type: number): BsonKind {
  const found = Object.entries(BSON).find(([, code]) => code === type)?.[0];
  return (found as BsonKind | undefined) ?? refuse('it is of no type that BSON has');
}

function otherOf(kind: BsonKind): LogicalType {
  return { kind: 'other', store: BSON_FAMILY, name: kind };
}

function binaryType({ bytes, from, to }: BsonSlice): LogicalType | null {
  const subtype = bytes[from + 4];
  if (subtype === SUBTYPE_UUID && to - from === 21) return { kind: 'uuid' };
  return subtype === 0 ? { kind: 'bytes', length: null, fixed: false } : null;
}

/** Instants and decimals are others in an array: there they would come back as text. */
const ELEMENTS: ReadonlySet<LogicalType['kind']> = new Set([
  ...(['boolean', 'integer', 'float', 'string', 'bytes', 'uuid', 'objectId'] as const),
]);

function arrayType({ bytes, from }: BsonSlice): LogicalType | null {
  const types = [...readElements(bytes, from)].map((each) => logicalOfBson({ ...each, bytes }));
  const [element] = types;
  if (element === null || element === undefined || !ELEMENTS.has(element.kind)) return null;
  const isOne = types.every((type) => type !== null && showType(type) === showType(element));
  return isOne ? { kind: 'array', element } : null;
}

const INSTANT = /^(\d{4,7})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?\+00( BC)?$/;

function dateValue(text: string): Buffer {
  const [, year, month, day, hour, minute, second, fraction = '', era] =
    INSTANT.exec(text) ?? refuse('it is no instant of whole milliseconds');
  const days = daysOf(Number(year), Number(month), Number(day), era !== undefined);
  const seconds = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const bytes = Buffer.alloc(9, BSON.date);
  bytes.writeBigInt64LE(BigInt(seconds) * 1000n + BigInt(fraction.padEnd(3, '0')), 1);
  return bytes;
}

/** Zeros at the end of a whole number become its exponent where it has too many digits. */
function decimalValue(text: string): Buffer {
  const zeros =
    parseDigits(text)?.scale === 0 && text.length > 34 ? /0*$/.exec(text)![0].length : 0;
  try {
    const short = zeros === 0 ? text : `${text.slice(0, -zeros)}E+${zeros}`;
    const { bytes } = Decimal128.fromString(short);
    return Buffer.concat([Buffer.from([BSON.decimal128]), bytes]);
  } catch {
    return refuse('it has more than the 34 digits that a decimal of BSON has');
  }
}
