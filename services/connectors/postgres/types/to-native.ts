import { type LogicalType, unknownKind } from '../../../../shared/schema/logical-type.ts';
import { MICROSECONDS } from '../../../../shared/schema/type-name.ts';
import type { TypeMapping } from '../../../../shared/schema/type-mapping.ts';
import { typeSql } from './type-name.ts';

/** What a server can hold: of its version, and the schema of each extension that is of use here. */
export interface ServerTypes {
  /** `server_version_num`; left out: as new as any. */
  version?: number;
  postgis?: string;
  vector?: string;
}

const MOST_DIGITS = 1_000;
const MOST_CHARACTERS = 10_485_760;
const MOST_BITS = 83_886_080;

/** The PostgreSQL type that holds values of a logical type; all kinds have one. */
export function mapType(type: LogicalType, server: ServerTypes = {}): TypeMapping {
  switch (type.kind) {
    case 'boolean':
    case 'date':
    case 'interval':
    case 'uuid':
      return exact(type.kind);
    case 'integer':
      return mapInteger(type.bits, type.signed);
    case 'float':
      return exact(type.bits === 32 ? 'real' : 'double precision');
    case 'decimal':
      return mapDecimal(type.precision, type.scale, server);
    case 'string':
      return mapString(type);
    case 'bytes':
      return type.length === null
        ? exact('bytea')
        : wider('bytea', `its length of ${type.length} is not enforced`);
    case 'time':
      // Its own times end with the day.
      if (type.duration) return wider('interval', 'a duration, which may be longer than a day');
      return mapTime('time', type.precision, type.zone);
    case 'timestamp':
      return mapTime('timestamp', type.precision, type.zone);
    case 'json':
      return exact(type.exact ? 'json' : 'jsonb');
    case 'enum':
      return wider('text', 'its labels are not enforced');
    case 'set':
      return wider('text[]', 'its labels are not enforced');
    case 'bits':
      return mapBits(type.length, type.varying);
    case 'array':
      return mapArray(type.element, server);
    case 'document':
      return wider('json', 'as Extended JSON');
    case 'objectId':
      return wider('text', 'as 24 hexadecimal digits');
    case 'geometry':
      return mapGeometry(type.shape, type.srid, server);
    case 'vector':
      return mapVector(type.dimensions, server);
    case 'other':
      return mapOther(type.store, type.name);
    default:
      return unknownKind(type);
  }
}

function exact(native: string): TypeMapping {
  return { native, fit: 'exact', note: null };
}

function wider(native: string, note: string): TypeMapping {
  return { native, fit: 'wider', note };
}

function mapInteger(bits: 8 | 16 | 24 | 32 | 64, signed: boolean): TypeMapping {
  const needed = signed ? bits : bits + 1;
  const own = ([16, 32, 64] as const).find((each) => needed <= each);
  if (own === undefined) return wider('numeric(20,0)', 'it has no integer of 64 bits without sign');
  const native = { 16: 'smallint', 32: 'integer', 64: 'bigint' }[own];
  return own === needed ? exact(native) : wider(native, 'it has no integer of exactly this range');
}

/** From this version on a scale may be negative, or larger than the precision. */
const ANY_SCALE = 150_000;

function mapDecimal(
  precision: number | null,
  scale: number | null,
  { version = ANY_SCALE }: ServerTypes,
): TypeMapping {
  if (precision === null && scale === null) return exact('numeric');
  const isOwn =
    precision !== null &&
    scale !== null &&
    precision >= 1 &&
    precision <= MOST_DIGITS &&
    (version >= ANY_SCALE ? Math.abs(scale) <= MOST_DIGITS : scale >= 0 && scale <= precision);
  return isOwn
    ? exact(`numeric(${precision},${scale})`)
    : wider('numeric', 'its precision and scale are not enforced');
}

function mapString({ length, fixed, comparison }: Extract<LogicalType, { kind: 'string' }>) {
  const base = mapLength(length, fixed && comparison === 'padded');
  if (comparison === 'bytes' || base.native.startsWith('character(') || base.native === 'bpchar')
    return base;
  const note =
    comparison === 'padded'
      ? 'texts that differ in spaces at their end are different here'
      : 'texts that are equal to the source, e.g. but for their case, are different here';
  return { ...base, fit: 'wider' as const, note };
}

function mapLength(length: number | null, padded: boolean): TypeMapping {
  if (length === null) return exact(padded ? 'bpchar' : 'text');
  if (length < 1 || length > MOST_CHARACTERS)
    return wider('text', `its length of ${length} is not enforced`);
  return exact(`${padded ? 'character' : 'character varying'}(${length})`);
}

function mapTime(name: 'time' | 'timestamp', precision: number, zone: boolean): TypeMapping {
  const ends = zone ? 'with time zone' : 'without time zone';
  if (precision === MICROSECONDS) return exact(`${name} ${ends}`);
  if (precision < MICROSECONDS) return exact(`${name}(${precision}) ${ends}`);
  return {
    native: `${name} ${ends}`,
    fit: 'lossy',
    note: `it rounds to ${MICROSECONDS} digits of a second, and the source has ${precision}`,
  };
}

function mapBits(length: number | null, varying: boolean): TypeMapping {
  if (length === null) return exact(varying ? 'bit varying' : '"bit"');
  if (length < 1 || length > MOST_BITS)
    return wider('bit varying', `its length of ${length} is not enforced`);
  return exact(`${varying ? 'bit varying' : 'bit'}(${length})`);
}

function mapArray(element: LogicalType, server: ServerTypes): TypeMapping {
  const mapped = mapType(element, server);
  // One type for arrays of any number of dimensions.
  return mapped.native.endsWith('[]') ? mapped : { ...mapped, native: `${mapped.native}[]` };
}

function mapGeometry(
  shape: string | null,
  srid: number | null,
  { postgis }: ServerTypes,
): TypeMapping {
  if (postgis === undefined)
    return wider('bytea', 'as well-known binary, because the target has no extension postgis');
  const options = `(${shape === null ? 'Geometry' : shape}${srid === null ? '' : `,${srid}`})`;
  return exact(`${typeSql(`${quoted(postgis)}.geometry${options}`)}`);
}

function mapVector(dimensions: number | null, { vector }: ServerTypes): TypeMapping {
  if (vector === undefined)
    return wider('real[]', 'an array, because the target has no extension vector');
  return exact(typeSql(`${quoted(vector)}.vector${dimensions === null ? '' : `(${dimensions})`}`));
}

function quoted(schema: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(schema) ? schema : `"${schema.replaceAll('"', '""')}"`;
}

/** Types of other stores for which PostgreSQL has one with the same text. */
const ALIKE: ReadonlyMap<string, string> = new Map([
  ['inet4', 'inet'],
  ['inet6', 'inet'],
]);

/** A name of nobody's is taken for one of PostgreSQL's: a file may have it from there. */
function mapOther(store: string | null, name: string): TypeMapping {
  if (store === null || store === 'postgres') return exact(typeSql(name));
  const alike = ALIKE.get(name);
  return alike === undefined
    ? wider('text', `the text that ${store} writes of a ${name}`)
    : exact(alike);
}
