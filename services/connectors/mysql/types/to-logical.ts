import type { Comparison, LogicalType } from '../../../../shared/schema/logical-type.ts';
import { parseLabels } from './labels.ts';

/** What the catalog says of a column's type, as far as its logical type follows from it. */
export interface NativeType {
  flavour: 'mariadb' | 'mysql';
  /** `DATA_TYPE`: the bare name, such as `int`. */
  name: string;
  /** `COLUMN_TYPE`: with length, sign and labels, such as `int(10) unsigned`. */
  text: string;
  /** Of text, in characters; of bytes, in bytes. */
  length: number | null;
  precision: number | null;
  scale: number | null;
  /** Digits of a second's fraction. */
  fraction: number | null;
  collation: string | null;
  /** Of a geometry: its coordinate system, where the column is bound to one. */
  srid: number | null;
  /** MariaDB's `json`: a text with a check that it is one. */
  isCheckedJson: boolean;
}

const INTEGER_BITS = { tinyint: 8, smallint: 16, mediumint: 24, int: 32, bigint: 64 } as const;

/** The logical type of a column; what only these servers have is `other`, under its own name. */
export function toLogical(type: NativeType): LogicalType {
  const { name, text, length } = type;
  switch (name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
      // `zerofill` makes it unsigned, and then says both.
      return { kind: 'integer', bits: INTEGER_BITS[name], signed: !/ unsigned\b/.test(text) };
    case 'year':
      return { kind: 'integer', bits: 16, signed: true };
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale };
    case 'float':
      return { kind: 'float', bits: 32 };
    case 'double':
      return { kind: 'float', bits: 64 };
    case 'bit':
      return { kind: 'bits', length: type.precision ?? 1, varying: false };
    case 'date':
      return { kind: 'date' };
    case 'time':
      return { kind: 'time', precision: type.fraction ?? 0, zone: false, duration: true };
    case 'datetime':
    case 'timestamp':
      return { kind: 'timestamp', precision: type.fraction ?? 0, zone: name === 'timestamp' };
    case 'char':
    case 'varchar':
      // Spaces at the end of a `char` are nowhere given back, so its values are not padded, and bytes tell them apart.
      return { kind: 'string', length, fixed: false, comparison: comparisonOf(type) };
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      if (type.isCheckedJson) return { kind: 'json', exact: true };
      return { kind: 'string', length: null, fixed: false, comparison: comparisonOf(type) };
    case 'binary':
      return { kind: 'bytes', length, fixed: true };
    case 'varbinary':
      return { kind: 'bytes', length, fixed: false };
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { kind: 'bytes', length: null, fixed: false };
    case 'enum':
      return { kind: 'enum', name: null, labels: parseLabels(text) };
    case 'set':
      return { kind: 'set', labels: parseLabels(text) };
    case 'json':
      return { kind: 'json', exact: false };
    case 'uuid':
      return { kind: 'uuid' };
    case 'vector':
      return { kind: 'vector', dimensions: Number(/\((\d+)\)/.exec(text)?.[1]) || null };
    case 'geometry':
    case 'point':
    case 'linestring':
    case 'polygon':
    case 'multipoint':
    case 'multilinestring':
    case 'multipolygon':
    case 'geometrycollection':
    case 'geomcollection':
      return { kind: 'geometry', shape: shapeOf(name), srid: type.srid };
    default:
      return { kind: 'other', store: type.flavour, name: text };
  }
}

function shapeOf(name: string): string | null {
  if (name === 'geometry') return null;
  return name === 'geomcollection' ? 'geometrycollection' : name;
}

/**
 * Which collations tell texts apart by their bytes: binary ones, and of these only such that do not pad with spaces before
 * they compare. `utf8mb4_bin` pads; `utf8mb4_0900_bin` and MariaDB's `…_nopad_bin` do not.
 */
function comparisonOf({ name, collation }: NativeType): Comparison {
  if (collation === null || !/(^|_)bin(ary)?$/.test(collation)) return 'folded';
  const pads = !/^binary$|_nopad_bin$|_0900_bin$/.test(collation);
  return pads && name !== 'char' ? 'padded' : 'bytes';
}
