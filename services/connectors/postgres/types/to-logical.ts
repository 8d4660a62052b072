import type { LogicalType } from '../../../../shared/schema/logical-type.ts';
import { parseTypeName } from '../../../../shared/schema/type-name.ts';

/** What the catalog says of a type, as far as its logical type follows from it. */
export interface NativeType {
  name: string;
  /** `pg_type.typtype`: b base, c composite, d domain, e enum, m multirange, p pseudo, r range. */
  kind: string;
  isBuiltIn: boolean;
  extension: string | null;
  /** Of an enum, in their order. */
  labels: readonly string[] | null;
  /** Of an array: its element. */
  element: NativeType | null;
  /** Of a domain: what it is made of, with length and precision as `format_type` writes them. */
  base: { type: NativeType; text: string } | null;
}

const STORE = 'postgres';

/**
 * The logical type of a PostgreSQL type. `text`: as `format_type` writes it, with its modifiers. `folded`: of a collation
 * under which different texts may be equal. Domains are what they are made of; ranges, composites and types that only
 * PostgreSQL has are `other`.
 */
export function toLogical(type: NativeType, text: string, folded = false): LogicalType {
  const other: LogicalType = { kind: 'other', store: STORE, name: text };
  if (type.base !== null) return toLogical(type.base.type, type.base.text, folded);
  // `int2vector` has elements, too, and is no array of them.
  if (type.element !== null && text.endsWith('[]')) {
    const element = toLogical(type.element, text.slice(0, -2), folded);
    return { kind: 'array', element };
  }
  switch (type.kind) {
    case 'e':
      return { kind: 'enum', name: text, labels: type.labels ?? [] };
    case 'b':
      if (type.element !== null) return other;
      return (type.isBuiltIn ? builtIn(type.name, text, folded) : extended(type, text)) ?? other;
    default:
      return other;
  }
}

function builtIn(name: string, text: string, folded: boolean): LogicalType | null {
  switch (name) {
    case 'bpchar':
    case 'varchar':
    case 'text':
    case 'name': {
      const length = lengthOf(text);
      if (name === 'bpchar')
        return { kind: 'string', length, fixed: true, comparison: folded ? 'folded' : 'padded' };
      return { kind: 'string', length, fixed: false, comparison: folded ? 'folded' : 'bytes' };
    }
    case 'bit':
      // One of any length, which SQL cannot say.
      if (text === '"bit"') return { kind: 'bits', length: null, varying: false };
      return parseTypeName(text);
    case 'oid':
      return { kind: 'integer', bits: 32, signed: false };
    default: {
      const known = parseTypeName(text);
      return known.kind === 'other' || known.kind === 'document' ? null : known;
    }
  }
}

function extended({ name, extension }: NativeType, text: string): LogicalType | null {
  if (name === 'citext' && extension === 'citext')
    return { kind: 'string', length: null, fixed: false, comparison: 'folded' };
  if (name === 'vector' && extension === 'vector')
    return { kind: 'vector', dimensions: lengthOf(text) };
  if (name === 'geometry' && extension === 'postgis') {
    const [, shape, srid] = /\(([A-Za-z]+)(?:,(\d+))?\)$/.exec(text) ?? [];
    return {
      kind: 'geometry',
      shape: shape === undefined || shape === 'Geometry' ? null : shape.toLowerCase(),
      srid: srid === undefined ? null : Number(srid),
    };
  }
  return null;
}

function lengthOf(text: string): number | null {
  const match = /\((\d+)\)$/.exec(text);
  return match === null ? null : Number(match[1]);
}
