import { type LogicalType, unknownKind } from './logical-type.ts';
import { showType } from './show-type.ts';
import type { TypeMapping } from './type-mapping.ts';

/**
 * A logical type under one of the names that all stores share (`parseTypeName`), for stores that write names and hold
 * nothing themselves: the smallest type that holds all its values.
 */
export function standardType(type: LogicalType): TypeMapping {
  switch (type.kind) {
    case 'boolean':
    case 'date':
    case 'interval':
    case 'uuid':
    case 'json':
    case 'float':
    case 'timestamp':
      return exact(showType(type));
    case 'integer':
      return standardInteger(type.bits, type.signed);
    case 'decimal':
      return type.precision !== null && type.scale === null
        ? wider('numeric', 'its precision is not said')
        : exact(showType(type));
    case 'string': {
      const { length, fixed, comparison } = type;
      if (fixed && (length === null || comparison !== 'padded'))
        return wider('text', 'its padding is not said');
      const name = showType(type);
      if (fixed || comparison === 'bytes') return exact(name);
      return wider(name, 'which different texts are equal is not said');
    }
    case 'bytes':
      return type.length === null ? exact('bytea') : wider('bytea', 'its length is not said');
    case 'time':
      return type.duration
        ? wider('interval', 'a duration, which may be longer than a day')
        : exact(showType(type));
    case 'bits':
      return type.length === null && !type.varying
        ? wider('bit varying', 'its length is not said')
        : exact(showType(type));
    case 'array': {
      const element = standardType(type.element);
      const isNested = element.native.endsWith('[]');
      return isNested
        ? wider('text', 'a list of lists')
        : { ...element, native: `${element.native}[]` };
    }
    case 'enum':
      return wider('text', 'its labels are not said');
    case 'set':
      return wider('text[]', 'its labels are not said');
    case 'document':
      return wider('json', 'as Extended JSON');
    case 'objectId':
      return wider('text', 'as 24 hexadecimal digits');
    case 'geometry':
      return wider('bytea', 'as well-known binary');
    case 'vector':
      return wider('real[]', 'its dimensions are not said');
    case 'other':
      return type.store === null
        ? exact(type.name)
        : wider('text', `the text that ${type.store} writes of a ${type.name}`);
    default:
      return unknownKind(type);
  }
}

function standardInteger(bits: number, signed: boolean): TypeMapping {
  const needed = signed ? bits : bits + 1;
  const own = ([16, 32, 64] as const).find((each) => needed <= each);
  if (own === undefined)
    return wider('numeric(20,0)', 'there is no integer of 64 bits without sign');
  const name = showType({ kind: 'integer', bits: own, signed: true });
  return own === needed ? exact(name) : wider(name, 'there is no integer of exactly this range');
}

function exact(native: string): TypeMapping {
  return { native, fit: 'exact', note: null };
}

function wider(native: string, note: string): TypeMapping {
  return { native, fit: 'wider', note };
}
