import { expect, it } from 'vitest';
import { MOST_TIMES, writeLabelArray } from './label-array.ts';

/** `array_send`: dimensions, flags, the element's type, length and lower bound of each dimension, elements. */
function arrayOf(dimensions: [length: number, low: number][], elements: (string | null)[]): Buffer {
  const ints = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i);
    return bytes;
  };
  const head = ints(dimensions.length, 0, 20_001, ...dimensions.flat());
  const rest = elements.map((each) =>
    each === null ? ints(-1) : Buffer.concat([ints(Buffer.byteLength(each)), Buffer.from(each)]),
  );
  return Buffer.concat([head, ...rest]);
}

it.each([
  ['{}', [], []],
  ['{a,b}', [[2, 1]], ['a', 'b']],
  ['{NULL,"NULL","null",nulls}', [[4, 1]], [null, 'NULL', 'null', 'nulls']],
  ['{"","so so","x,{}","a\\"b\\\\c",ö\u00a0}', [[5, 1]], ['', 'so so', 'x,{}', 'a"b\\c', 'ö\u00a0']],
  ['{{a,b},{c,NULL}}', [[2, 1], [2, 1]], ['a', 'b', 'c', null]],
  ['[0:0][-1:0]={{a,b}}', [[1, 0], [2, -1]], ['a', 'b']],
] as [string, [number, number][], (string | null)[]][])('%s is what the server prints of its binary form', (text, dimensions, elements) => {
  const bytes = Buffer.concat([Buffer.from('head'), arrayOf(dimensions, elements)]);
  const target = Buffer.alloc(MOST_TIMES * bytes.length);
  const end = writeLabelArray(target, 2, bytes, 4);
  expect(target.toString('utf8', 2, end)).toBe(text);
}); // prettier-ignore
