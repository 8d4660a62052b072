import { columnOffsets, UNCHANGED_LENGTH } from '../../../shared/change/tuple.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import type { Card, CardKind, CardValue } from './card-database.ts';

/** A type that no card can say is refused, whatever its values are. */
export function toKind(type: string): CardKind {
  if (['smallint', 'integer', 'bigint'].includes(type)) return 'whole';
  if (type === 'text') return 'words';
  throw new Error(`a card says whole numbers and words, and nothing that is ${type}`);
}

export function kindsOf({ columns }: Relation): Map<string, CardKind> {
  return new Map(columns.map(({ name, type }) => [name, toKind(type)]));
}

/** What a tuple brings, under the names of the columns; what is unchanged is left out. */
export function toCard({ columns }: Relation, tuple: Buffer): Card {
  const offsets = columnOffsets(tuple);
  const places = columns.flatMap(({ name, type }, i): [string, CardValue][] => {
    const length = tuple.readInt32BE(offsets[i]!);
    if (length === UNCHANGED_LENGTH) return [];
    const text = length < 0 ? null : tuple.toString('utf8', offsets[i]! + 4, offsets[i + 1]);
    return [[name, text === null ? null : toValue(toKind(type), text)]];
  });
  return Object.fromEntries(places);
}

export function nameOf({ columns, key }: Relation, card: Card): string {
  return JSON.stringify(key.map((i) => String(card[columns[i]!.name])));
}

/** Of a bare key: its values one after the other. */
export function nameOfKey(relation: Relation, bytes: Buffer): string {
  let from = 0;
  const values = relation.key.map(() => {
    const length = bytes.readInt32BE(from);
    from += 4 + length;
    return bytes.toString('utf8', from - length, from);
  });
  return JSON.stringify(values);
}

function toValue(kind: CardKind, text: string): CardValue {
  if (kind === 'words') return text;
  if (!/^-?\d+$/.test(text))
    throw new WeirError('ROW_REFUSED', 'a place for whole numbers is to say something else');
  return BigInt(text);
}
