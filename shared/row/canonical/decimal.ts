import type { LogicalType } from '../../schema/logical-type.ts';
import type { Codec } from './codec.ts';
import { parseDigits, plainDigits } from './number-digits.ts';
import { indexIn, isDecimal, MINUS, POINT, trimmed, ZERO } from './plain-bytes.ts';
import { refuse } from './refusal.ts';
import { specialNumber } from './special-number.ts';

type DecimalType = Omit<Extract<LogicalType, { kind: 'decimal' }>, 'kind'>;

/** Digits before the point and behind it that a number without limits may have. */
const MOST_WHOLE = 131_072;
const MOST_SCALE = 16_383;
/** So long ones are not looked at in place. */
const LONG = 1_000;

export function decimalCodec({ precision, scale }: DecimalType): Codec {
  const mostWhole = precision === null ? MOST_WHOLE : precision - (scale ?? 0);
  return {
    isCanonical(bytes, from, to) {
      if (to - from >= LONG || !isDecimal(bytes, from, to)) return false;
      const start = bytes[from] === MINUS ? from + 1 : from;
      const point = indexIn(bytes, POINT, start, to);
      if (start > from && isZero(bytes, start, to)) return false;
      if (scale === null && precision === null) return true;
      const behind = point === to ? 0 : to - point - 1;
      return behind === (scale ?? behind) && point - start <= mostWhole;
    },
    read(text) {
      const plain = trimmed(text);
      const named = specialNumber(plain);
      if (named !== null) {
        const isHeld = named === 'NaN' || precision === null;
        return isHeld ? named : refuse('it is infinite, and the type has a number of digits');
      }
      const parsed = parseDigits(plain) ?? refuse('it is no number');
      if (parsed.digits !== '' && parsed.digits.length - parsed.scale > mostWhole)
        refuse(`it has more than ${mostWhole} digits before the point`);
      if (parsed.scale > MOST_SCALE) refuse(`it has more than ${MOST_SCALE} digits behind the point`); // prettier-ignore
      return (
        plainDigits(parsed, scale) ??
        refuse(
          scale! < 0
            ? `it has digits among the last ${-scale!} before the point`
            : `it has more than ${scale} digits behind the point`,
        )
      );
    },
  };
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== ZERO && bytes[at] !== POINT) return false;
  return true;
}
