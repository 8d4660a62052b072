import {
  type Comparison,
  type LogicalType,
  unknownKind,
} from '../../../../shared/schema/logical-type.ts';
import { MICROSECONDS } from '../../../../shared/schema/type-name.ts';
import type { TypeMapping } from '../../../../shared/schema/type-mapping.ts';
import type { ServerVersion } from '../connection/server-version.ts';

type Server = Pick<ServerVersion, 'flavour' | 'number'>;

const MOST_DIGITS = 65;
const MOST_SCALE = 30;
/** As many characters as an index takes; longer ones are blobs, of which a row may have any number. */
const MOST_CHARACTERS = 768;
const MOST_BYTES = 3072;
const MOST_FIXED_BYTES = 255;
const MOST_BITS = 64;
const MOST_LABELS = { enum: 65_535, set: 64 };
const MOST_DIMENSIONS = 16_383;
/** Versions from which there is a text that is compared by its bytes, a type for UUIDs, one for vectors. */
const EXACT_TEXT = 80_017;
const BOUND_GEOMETRY = 80_000;
const UUID = 100_700;
const VECTOR = 90_000;

const ENDLESS = 'years before 1 and after 9999, and infinities, are refused';

/** The type of MySQL or MariaDB that holds values of a logical type; all kinds have one. */
export function mapType(type: LogicalType, server: Server): TypeMapping {
  switch (type.kind) {
    case 'boolean':
      return wider('tinyint(1)', 'as 1 and 0');
    case 'integer':
      return exact(`${INTEGERS[type.bits]}${type.signed ? '' : ' unsigned'}`);
    case 'float':
      return wider(type.bits === 32 ? 'float' : 'double', 'NaN and infinities are refused');
    case 'decimal':
      return mapDecimal(type.precision, type.scale, server);
    case 'string':
      return mapString(type, server);
    case 'bytes':
      return mapBytes(type.length, type.fixed);
    case 'date':
      return wider('date', ENDLESS);
    case 'time':
      if (type.zone) return asText(20, 'as text, because it has no times with an offset', server);
      return type.duration
        ? fraction('time', type.precision, null)
        : fraction('time', type.precision, 'it also holds times beyond a day');
    case 'timestamp':
      return fraction('datetime', type.precision, type.zone ? `in UTC; ${ENDLESS}` : ENDLESS);
    case 'interval':
      return asText(100, 'as text, because it has no intervals', server);
    case 'uuid':
      return server.flavour === 'mariadb' && server.number >= UUID
        ? exact('uuid')
        : asText(36, 'as 36 characters', server);
    case 'json':
      return mapJson(type.exact, server);
    case 'enum':
    case 'set':
      return mapLabels(type.kind, type.labels, server);
    case 'bits':
      return !type.varying && type.length !== null && type.length >= 1 && type.length <= MOST_BITS
        ? exact(`bit(${type.length})`)
        : asText(null, 'as the digits 0 and 1', server);
    case 'array':
      return asText(null, 'as text such as {1,2}, because it has no arrays', server);
    case 'document':
      return { ...mapJson(true, server), fit: 'wider', note: 'as Extended JSON' };
    case 'objectId':
      return asText(24, 'as 24 hexadecimal digits', server);
    case 'geometry':
      return mapGeometry(type.shape, type.srid, server);
    case 'vector':
      return mapVector(type.dimensions, server);
    case 'other':
      return mapOther(type.store, type.name, server);
    default:
      return unknownKind(type);
  }
}

const INTEGERS = {
  8: 'tinyint',
  16: 'smallint',
  24: 'mediumint',
  32: 'int',
  64: 'bigint',
} as const;

function exact(native: string): TypeMapping {
  return { native, fit: 'exact', note: null };
}

function wider(native: string, note: string): TypeMapping {
  return { native, fit: 'wider', note };
}

/** Under a collation that tells all texts apart by their bytes, or else all but spaces at their end. */
function textType(
  length: number | null,
  comparison: Comparison,
  { flavour, number }: Server,
): string {
  const own = flavour === 'mariadb' ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
  const isPadded = comparison === 'padded' || (flavour === 'mysql' && number < EXACT_TEXT);
  const name = length === null ? 'longtext' : `varchar(${length})`;
  return `${name} CHARACTER SET utf8mb4 COLLATE ${isPadded ? 'utf8mb4_bin' : own}`;
}

function asText(length: number | null, note: string, server: Server): TypeMapping {
  return wider(textType(length, 'bytes', server), note);
}

function mapDecimal(precision: number | null, scale: number | null, server: Server): TypeMapping {
  if (precision === null || scale === null)
    return asText(null, 'as text, because its decimals have a limit', server);
  const behind = Math.max(scale, 0);
  const digits = Math.max(precision + behind - scale, behind);
  if (precision < 1 || digits > MOST_DIGITS || behind > MOST_SCALE)
    return asText(null, `as text, because its decimals end at ${MOST_DIGITS} digits, ${MOST_SCALE} of them behind the point`, server); // prettier-ignore
  return wider(`decimal(${digits},${behind})`, 'NaN is refused');
}

function mapString(
  { length, fixed, comparison }: Extract<LogicalType, { kind: 'string' }>,
  server: Server,
): TypeMapping {
  const isBounded = length !== null && length >= 1 && length <= MOST_CHARACTERS;
  const native = textType(isBounded ? length : null, comparison, server);
  const notes = [
    ...(length === null || isBounded ? [] : [`its length of ${length} is not enforced`]),
    ...(fixed ? ['its padding is not enforced'] : []),
    ...(comparison === 'folded'
      ? ['texts that are equal to the source, e.g. but for their case, are different here']
      : []),
    ...(comparison === 'bytes' && native.endsWith('utf8mb4_bin')
      ? ['texts that differ in spaces at their end are equal here, so that a key refuses them']
      : []),
  ];
  return notes.length === 0 ? exact(native) : wider(native, notes.join('; '));
}

function mapBytes(length: number | null, fixed: boolean): TypeMapping {
  if (length === null) return exact('longblob');
  if (length < 1 || length > MOST_BYTES)
    return wider('longblob', `its length of ${length} is not enforced`);
  if (!fixed) return exact(`varbinary(${length})`);
  return length <= MOST_FIXED_BYTES
    ? exact(`binary(${length})`)
    : wider(`varbinary(${length})`, `its length of exactly ${length} is not enforced`);
}

function fraction(name: 'time' | 'datetime', precision: number, note: string | null): TypeMapping {
  if (precision > MICROSECONDS)
    return {
      native: `${name}(${MICROSECONDS})`,
      fit: 'lossy',
      note: `it rounds to ${MICROSECONDS} digits of a second, and the source has ${precision}`,
    };
  const native = `${name}(${precision})`;
  return note === null ? exact(native) : wider(native, note);
}

/** MariaDB keeps the text. MySQL keeps a document in which numbers have at most 64 bits, and says nothing of the others. */
function mapJson(isExact: boolean, server: Server): TypeMapping {
  if (server.flavour === 'mariadb')
    return isExact ? exact('json') : wider('json', 'as text, which is compared as such');
  if (isExact) return asText(null, 'as text, because its json does not keep the text', server);
  return { native: 'json', fit: 'lossy', note: 'numbers that need more than 64 bits are rounded' };
}

/** Labels keep no spaces at their end, and catalogs do not show characters of four bytes. */
const UNFIT_LABEL = / $|\?|[^\u0000-\uffff]/u;

function mapLabels(kind: 'enum' | 'set', labels: readonly string[], server: Server): TypeMapping {
  const isOwn =
    labels.length >= 1 &&
    labels.length <= MOST_LABELS[kind] &&
    !labels.some((label) => UNFIT_LABEL.test(label) || (kind === 'set' && label.includes(','))) &&
    labels.every((label) => label.length <= 255);
  if (!isOwn) return asText(null, 'as text, because its labels are others', server);
  const list = labels.map((label) => `'${label.replaceAll(/['\\]/g, '\\$&')}'`);
  return exact(textType(null, 'bytes', server).replace('longtext', `${kind}(${list.join(',')})`));
}

const SHAPES: ReadonlySet<string> = new Set([
  ...['point', 'linestring', 'polygon', 'geometrycollection'],
  ...['multipoint', 'multilinestring', 'multipolygon'],
]);

function mapGeometry(
  shape: string | null,
  srid: number | null,
  { flavour, number }: Server,
): TypeMapping {
  if (shape !== null && !SHAPES.has(shape))
    return wider('longblob', `as well-known binary, because it has no shape ${shape}`);
  const native = shape ?? 'geometry';
  if (srid === null) return exact(native);
  return flavour === 'mysql' && number >= BOUND_GEOMETRY
    ? exact(`${native} SRID ${srid}`)
    : wider(native, `its coordinate system ${srid} is not enforced`);
}

function mapVector(dimensions: number | null, server: Server): TypeMapping {
  const { flavour, number } = server;
  const isOwn = flavour === 'mysql' && number >= VECTOR;
  return isOwn && dimensions !== null && dimensions >= 1 && dimensions <= MOST_DIMENSIONS
    ? exact(`vector(${dimensions})`)
    : asText(null, 'as text such as [1,2]', server);
}

/** Types that only MariaDB has, under a name that is safe to write into a statement. */
const ADDRESSES: ReadonlyMap<string, number> = new Map([
  ['inet6', 100_500],
  ['inet4', 101_000],
]);

function mapOther(store: string | null, name: string, server: Server): TypeMapping {
  const since = ADDRESSES.get(name);
  const isOwn = store === 'mariadb' && server.flavour === 'mariadb' && since !== undefined;
  if (isOwn && server.number >= since) return exact(name);
  return asText(null, `the text that ${store ?? 'the source'} writes of a ${name}`, server);
}
