import type { Relation } from '../../change/relation.ts';
import { columnOffsets, NULL_LENGTH, UNCHANGED_LENGTH } from '../../change/tuple.ts';
import type { ReadTexts } from './listed-entries.ts';

/** What a value in binary is for people to read. */
export type TextOfBinary = (type: string, bytes: Buffer) => Promise<string>;

const inHex: TextOfBinary = (_, bytes) => Promise.resolve(`\\x${bytes.toString('hex')}`);

/** `textOfBinary`: of values that are none of text; left out, they are shown in hex. */
export function plainTexts(textOfBinary: TextOfBinary = inHex): ReadTexts {
  return async (relation: Relation, columns, values) => {
    const count = Buffer.alloc(2);
    count.writeUInt16BE(columns.length);
    const tuple = Buffer.concat([count, values]);
    const offsets = columnOffsets(tuple);
    const texts: Record<string, string | null> = {};
    for (const [at, index] of columns.entries()) {
      const { name, type, encoding } = relation.columns[index]!;
      const length = tuple.readInt32BE(offsets[at]!);
      if (length === UNCHANGED_LENGTH) continue;
      const bytes = tuple.subarray(offsets[at]! + 4, offsets[at + 1]);
      if (length === NULL_LENGTH) texts[name] = null;
      else if (encoding === 'text') texts[name] = bytes.toString();
      else texts[name] = await textOfBinary(type, bytes);
    }
    return texts;
  };
}
