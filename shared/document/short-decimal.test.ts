import { Decimal128 } from 'bson';
import { expect, it } from 'vitest';
import { shortDecimal } from './short-decimal.ts';

function encode(text: string): string | null {
  const padded = Buffer.from(`xx${text}x`);
  return shortDecimal(padded, 2, padded.length - 1)?.toString('hex') ?? null;
}

const NUMBERS = [
  ...['0', '-0', '0.00', '-0.0', '1', '-1', '12.50', '-12.5', '.5', '5.', '000.10', '4294967296'],
  ...['999999999999999', '-99999.9999999999', '100000000000000', '0.00000000000001'],
];

it('a short number is the decimal128 that the library makes of it', () => {
  const random = Array.from({ length: 2_000 }, (_, i) => {
    const digits = String(Math.floor(Math.abs(Math.sin(i + 1)) * 1e15));
    const point = i % (digits.length + 1);
    return `${i % 3 === 0 ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
  });
  for (const text of [...NUMBERS, ...random])
    expect(encode(text), text).toBe(Buffer.from(Decimal128.fromString(text).bytes).toString('hex'));
});

it('anything else is left to the library', () => {
  for (const text of ['', '-', '.', 'NaN', 'Infinity', '1e5', '+1', '1.2.3', '1234567890123456'])
    expect(encode(text), text).toBeNull();
});
