import { randomUUID } from 'node:crypto';
import { BSON, Decimal128, Double, Int32, Long } from 'bson';
import { WeirError } from '../../../shared/errors/weir-error.ts';

/** A string, passed over, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Stands for a number, so that its digits survive `JSON.parse`. */
const NUMBER = `number ${randomUUID()} `;
const INT64_MAX = 2n ** 63n - 1n;

type Json = null | boolean | string | Json[] | { [name: string]: Json };

/**
 * A JSON object (`DATA_TYPE_JSON_ID`) as a BSON document; its `id` is the `_id`, too. Numbers keep their value: int32,
 * int64, double where it prints the same, else decimal128. `whole`: it must have an `id`.
 */
export function jsonToDocument(namespace: string, json: Uint8Array, whole: boolean): Uint8Array {
  const fields = parseObject(namespace, json);
  if (whole && !Object.hasOwn(fields, 'id') && !Object.hasOwn(fields, '_id'))
    throw unfit(namespace, 'without an id');
  const id = whole && !Object.hasOwn(fields, '_id') ? [['_id', fields['id']!] as const] : [];
  try {
    return BSON.serialize(toBsonFields([...id, ...Object.entries(fields)]));
  } catch (error) {
    throw unfit(namespace, 'with a value that BSON cannot carry', error);
  }
}

function parseObject(namespace: string, json: Uint8Array): { [name: string]: Json } {
  const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8');
  let value: Json;
  try {
    // What is no JSON as it came is none with its numbers as strings either, but for numbers as names.
    JSON.parse(text);
    value = JSON.parse(
      text.replaceAll(TOKEN, (token) =>
        token.startsWith('"') ? token : JSON.stringify(NUMBER + token),
      ),
    ) as Json;
  } catch (error) {
    throw unfit(namespace, 'that cannot be read', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unfit(namespace, 'that is no object');
  return value;
}

function toBsonFields(entries: readonly (readonly [string, Json])[]): Record<string, unknown> {
  return Object.fromEntries(entries.map(([name, value]) => [name, toBsonValue(value)]));
}

function toBsonValue(value: Json): unknown {
  if (typeof value === 'string')
    return value.startsWith(NUMBER) ? toBsonNumber(value.slice(NUMBER.length)) : value;
  if (value === null || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(toBsonValue);
  return toBsonFields(Object.entries(value));
}

function toBsonNumber(text: string): unknown {
  if (/^-?\d+$/.test(text) && text !== '-0') {
    const whole = BigInt(text);
    if (BigInt.asIntN(32, whole) === whole) return new Int32(Number(text));
    if (whole <= INT64_MAX && whole >= -INT64_MAX - 1n) return Long.fromBigInt(whole);
  }
  const double = Number(text);
  const exact = Number.isFinite(double) && sameNumber(text, String(double));
  return exact ? new Double(double) : Decimal128.fromString(text);
}

/** Whether both are the same decimal number: digits without the zeros around them, and where the point is. */
function sameNumber(a: string, b: string): boolean {
  return normal(a) === normal(b);
}

function normal(text: string): string {
  const [, sign, whole, part = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const digits = `${whole}${part}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return `${sign}0`;
  return `${sign}${short}e${Number(exponent) - part.length + digits.length - short.length}`;
}

function unfit(namespace: string, what: string, cause?: unknown): WeirError {
  return new WeirError(
    'SOURCE_UNFIT',
    `the connector sent a document of ${namespace} ${what}; it must be a JSON object with an id`,
    cause === undefined ? {} : { cause },
  );
}
