import { expect, it } from 'vitest';
import { toTuple } from '../../change/tuple.ts';
import { RowCodec, ValueRefusal } from './row-codec.ts';

const codec = new RowCodec({
  columns: ['integer', 'text', 'numeric(6,2)'].map((type, i) => ({
    name: `c${i}`,
    type,
    encoding: 'text',
  })),
});

it('a row of text becomes a tuple of canonical values, and NULL stays NULL', () => {
  const long = '漢字'.repeat(10_000);
  expect(codec.write([' 042', long, '1e3'])).toEqual(toTuple(['42', long, '1000.00']));
  expect(codec.write(['7', null, null])).toEqual(toTuple(['7', null, null]));
  expect(codec.write([null, '', '-0'])).toEqual(toTuple([null, '', '0.00']));
});

it('a value that its column cannot hold is refused with its place, half a surrogate pair too', () => {
  for (const [values, column] of [
    [['1,000', '', null], 0],
    [['1', 'a\ud83d', null], 1],
    [['1', 'a\0', null], 1],
    [['1', '🐟', '1.005'], 2],
  ] as const) {
    const write = (): unknown => codec.write(values);
    expect(write).toThrow(ValueRefusal);
    expect(write).toThrow(expect.objectContaining({ column }));
  }
});
