import { compareDecimal, toDecimal } from './exact-decimal.ts';
import { unreadable, type WriteForm } from './write-form.ts';

/** IEEE 754, as PostgreSQL sends it; 0 for both zeros, and one NaN. */
export const float8OfText: WriteForm = (target, at, source, start, end) =>
  target.writeDoubleBE(normal(readFloat(source.toString('latin1', start, end))), at);

export const float8OfBinary: WriteForm = (target, at, source, start) =>
  target.writeDoubleBE(normal(source.readDoubleBE(start)), at);

export const float4OfText: WriteForm = (target, at, source, start, end) => {
  const text = source.toString('latin1', start, end);
  return target.writeFloatBE(normal(toFloat4(text, readFloat(text))), at);
};

export const float4OfBinary: WriteForm = (target, at, source, start) =>
  target.writeFloatBE(normal(source.readFloatBE(start)), at);

function normal(value: number): number {
  if (Number.isNaN(value)) return NaN;
  return value === 0 ? 0 : value;
}

const NUMBER = /^-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Infinity)$/;

function readFloat(text: string): number {
  if (text === 'NaN') return NaN;
  if (!NUMBER.test(text)) throw unreadable();
  return Number(text);
}

/**
 * The float next to the decimal. To round it twice, to a double and then to a float, misses it where the double is the
 * exact middle of two floats and the decimal is not.
 */
function toFloat4(text: string, value: number): number {
  const near = Math.fround(value);
  const other = value + (value - near);
  const isMiddle = near !== value && Number.isFinite(near) && Math.fround(other) === other;
  if (!isMiddle) return near;
  const side = compareDecimal(toDecimal(text)!, value);
  if (side === 0) return near;
  return side > 0 ? Math.max(near, other) : Math.min(near, other);
}
