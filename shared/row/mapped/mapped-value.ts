import { type LogicalType, unknownKind } from '../../schema/logical-type.ts';
import { showType } from '../../schema/show-type.ts';
import { type ArrayTree, parseArray, writeArray } from '../canonical/array-tree.ts';
import { compileCodec } from '../canonical/compile-codec.ts';
import { roundedDecimal, roundedFloat } from './rounded-number.ts';
import { roundedTime } from './rounded-time.ts';
import { sameValue } from './same-value.ts';
import { bytesOfText } from './bytes-of-text.ts';

/** What a column of another type holds of a value. */
export interface MappedValue {
  /** In the canonical form of that type. */
  text: string;
  /** Whether it is another value by now, and not only another way to write it. */
  isChanged: boolean;
}

/** Throws `Refusal` where the other type holds nothing of the value. */
export type ValueMapping = (text: string) => MappedValue;

/**
 * What a column of the type `to` makes of the values of a column of the type `from`, in its canonical form: what a
 * mapping of types changes on purpose follows from the two types alone, and so can be told from damage. By the rules
 * of SQL, and where these leave it open as PostgreSQL has it, which is the store that makes columns of other types. Null
 * where both hold the same values; of a type that only one store understands nothing is known, and values stay as they are.
 */
export function valueMapping(from: LogicalType, to: LogicalType): ValueMapping | null {
  if (showType(from) === showType(to) || to.kind === 'other' || from.kind === 'other') return null;
  if (from.kind === 'array' && to.kind === 'array')
    return elementwise(valueMapping(from.element, to.element));
  const convert = conversion(from, to);
  const isSame = sameValue(from, to);
  return (text) => {
    const mapped = convert(text);
    return { text: mapped, isChanged: !isSame(text, mapped) };
  };
}

/** Whether nobody here knows what the one type makes of the other's values. */
export function isUnknownMapping(from: LogicalType, to: LogicalType): boolean {
  return showType(from) !== showType(to) && (from.kind === 'other' || to.kind === 'other');
}

function elementwise(mapping: ValueMapping | null): ValueMapping | null {
  if (mapping === null) return null;
  return (text) => {
    let isChanged = false;
    const each = (item: ArrayTree[number]): ArrayTree[number] => {
      if (item === null) return null;
      if (Array.isArray(item)) return item.map(each);
      const mapped = mapping(item);
      isChanged ||= mapped.isChanged;
      return mapped.text;
    };
    const { tree, bounds } = parseArray(text);
    return { text: bounds + writeArray(tree.map(each)), isChanged };
  };
}

function conversion(from: LogicalType, to: LogicalType): (text: string) => string {
  const codec = compileCodec(to);
  const read = (text: string): string => codec.read(text);
  switch (to.kind) {
    case 'float':
      return (text) => roundedFloat(text.trim(), to.bits);
    case 'decimal': {
      const { scale } = to;
      return scale === null ? read : (text) => codec.read(roundedDecimal(text.trim(), scale));
    }
    case 'string':
      return (text) => codec.read(withinLength(text, to.length));
    case 'bytes':
      return (text) => codec.read(bytesOfText(text));
    case 'date':
      return (text) => codec.read(from.kind === 'timestamp' ? dayOf(text) : text);
    case 'time':
    case 'timestamp': {
      const all = compileCodec({ ...to, precision: Infinity });
      return (text) => codec.read(roundedTime(all.read(asMoment(text, from, to)), to.precision));
    }
    case 'boolean':
    case 'integer':
    case 'interval':
    case 'uuid':
    case 'json':
    case 'enum':
    case 'set':
    case 'bits':
    case 'array':
    case 'document':
    case 'objectId':
    case 'geometry':
    case 'vector':
    case 'other':
      return read;
    default:
      return unknownKind(to);
  }
}

/** SQL cuts spaces off that are too many, and nothing else. */
function withinLength(text: string, length: number | null): string {
  if (length === null || text.length <= length) return text;
  const characters = [...text];
  const rest = characters.slice(length);
  return rest.every((each) => each === ' ') ? characters.slice(0, length).join('') : text;
}

function dayOf(text: string): string {
  return text.replace(/ \d\d:.*?(?= BC$|$)/, '');
}

/** With a clock where it has none, and with a zone or without one: sessions are in UTC. */
function asMoment(text: string, from: LogicalType, to: LogicalType): string {
  const isZoned = 'zone' in to && to.zone;
  if (from.kind === 'date' && to.kind === 'timestamp' && !text.endsWith('infinity'))
    return text.replace(/(?= BC$|$)/, ` 00:00:00${isZoned ? '+00' : ''}`);
  if ((from.kind !== 'time' && from.kind !== 'timestamp') || text.endsWith('infinity')) return text;
  const [, day = '', clock = '', offset = '', era = ''] =
    /^(.* )?([\d:.]+)([+-][\d:]+)?( BC)?$/.exec(text) ?? [];
  const zone = isZoned ? offset || '+00' : '';
  return to.kind === 'time' ? `${clock}${zone}` : `${day}${clock}${zone}${era}`;
}
