import type { LogicalType } from '../../schema/logical-type.ts';
import type { Codec } from './codec.ts';
import { areDigits, MINUS, trimmed, ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';

type IntegerType = Omit<Extract<LogicalType, { kind: 'integer' }>, 'kind'>;

/** Digits of which any number is one of so many bits. */
const SAFE_DIGITS = { 8: 2, 16: 4, 24: 6, 32: 9, 64: 18 } as const;

export function integerCodec({ bits, signed }: IntegerType): Codec {
  const safe = SAFE_DIGITS[bits];
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  return {
    isCanonical(bytes, from, to) {
      const start = signed && bytes[from] === MINUS ? from + 1 : from;
      const count = to - start;
      if (count < 1 || count > safe || !areDigits(bytes, start, to)) return false;
      return bytes[start] !== ZERO || to - from === 1;
    },
    read(text) {
      const plain = trimmed(text);
      if (!/^[+-]?\d{1,1000}$/.test(plain)) refuse('it is no whole number');
      const number = BigInt(plain.startsWith('+') ? plain.slice(1) : plain);
      if (number < least || number > most) refuse(`it is not within ${least} and ${most}`);
      return number.toString();
    },
  };
}
