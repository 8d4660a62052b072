import type { Column, Relation } from './relation.ts';

const MOST_CHARACTERS = 200;
const INTEGERS = ['smallint', 'integer', 'bigint'];

/** A bare key (`tuple.ts`) as people read it, e.g. `id = 7`; bytes of the store's own in hex. */
export function keyText(relation: Relation, key: Buffer): string {
  let at = 0;
  const texts = relation.key.map((place) => {
    const column = relation.columns[place]!;
    const length = key.readInt32BE(at);
    const value = key.subarray(at + 4, at + 4 + Math.max(0, length));
    at += 4 + value.length;
    return `${column.name} = ${length < 0 ? 'NULL' : valueText(column, value)}`;
  });
  return texts.join(', ');
}

function valueText({ type, encoding }: Column, value: Buffer): string {
  const some = value.subarray(0, 4 * MOST_CHARACTERS);
  if (encoding === 'text') return shortened(some.toString('utf8'));
  if (INTEGERS.includes(type)) return String(BigInt.asIntN(8 * value.length, toBigInt(value)));
  return shortened(`\\x${some.toString('hex')}`);
}

function toBigInt(value: Buffer): bigint {
  return value.length === 0 ? 0n : BigInt(`0x${value.toString('hex')}`);
}

function shortened(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
