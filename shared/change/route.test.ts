import { describe, expect, it } from 'vitest';
import type { Column, Relation, RouteForm } from './relation.ts';
import { compileRoute } from './route.ts';
import { keyOf, toTuple } from './tuple.ts';

function relation(
  encoding: Column['encoding'],
  forms: readonly (RouteForm | null)[],
  more: Partial<Relation> = {},
): Relation {
  return {
    namespace: 'public.t',
    columns: forms.map((_, i) => ({ name: `c${i}`, type: 'x', encoding })),
    key: forms.map((_, i) => i),
    identity: 'key',
    order: 'key',
    route: forms.flatMap((form, column) => (form === null ? [] : [{ column, form }])),
    ...more,
  };
}

/** What the lane follows from, of the values that follow each other in a key. */
function bytesOf(each: Relation, values: (Uint8Array | string | null)[]): string {
  const row = toTuple(values);
  const key = each.identity === 'key' ? keyOf(row, each.key) : row;
  return compileRoute(each)!(key).toString('hex');
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Text as PostgreSQL prints it, and what its send functions give for the same values. */
const VALUES: [RouteForm, string, Buffer][] = [
  ['same', 'Straße', Buffer.from('Straße')],
  ['bool', 't', hex('01')],
  ['bool', 'f', hex('00')],
  ['int2', '-32768', hex('8000')],
  ['int4', '2147483647', hex('7fffffff')],
  ['int4', '-1', hex('ffffffff')],
  ['oid', '4294967295', hex('ffffffff')],
  ['int8', '-9223372036854775808', hex('8000000000000000')],
  ['int8', '9223372036854775807', hex('7fffffffffffffff')],
  ['int8', '42', hex('000000000000002a')],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', hex('a0eebc999c0b4ef8bb6d6bb9bd380a11')],
  ['bytea', '\\xdeadbeef', hex('deadbeef')],
  ['bytea', '\\x', hex('')],
  ['macaddr', '08:00:2b:01:02:03', hex('08002b010203')],
  ['date', '2000-01-01', hex('00000000')],
  ['date', '4713-01-01 BC', hex('ffda97cd')],
  ['date', '5874897-12-31', hex('7fda970c')],
  ['date', 'infinity', hex('7fffffff')],
  ['date', '-infinity', hex('80000000')],
  ['time', '24:00:00', hex('000000141dd76000')],
  ['timestamp', '2000-01-01 00:00:00.000001', hex('0000000000000001')],
  ['timestamp', '1999-12-31 23:59:59.5+00', hex('fffffffffff85ee0')],
  ['timestamp', '-infinity', hex('8000000000000000')],
  ['timetz', '23:59:59.5-05:30:15', hex('000000141dcfbee000004d67')],
  ['inet', '10.0.0.1/8', hex('020800040a000001')],
  ['inet', '::ffff:10.0.0.1', hex('0380001000000000000000000000ffff0a000001')],
  ['cidr', '2001:db8::/32', hex('0320011020010db8000000000000000000000000')],
  ['numeric', '-12345.67800', hex('0003000140000005000109291a7c')],
  ['numeric', '0.00', hex('0000000000000002')],
  ['numeric', '0.00001', hex('0001fffe0000000503e8')],
  ['numeric', '-Infinity', hex('00000000f0000000')],
  ['float8', '1e+16', hex('4341c37937e08000')],
  ['float8', '-0', hex('0000000000000000')],
  ['float4', '0.1', hex('3dcccccd')],
  // Next to the middle of two floats, so near that the nearest double is the middle.
  ['float4', '1.00000017881393432617187499', hex('3f800001')],
  ['float4', '1.00000017881393432617187501', hex('3f800002')],
  ['trimmed', 'a b  ', Buffer.from('a b')],
  ['caseless', 'KİÏ-Straße 7', Buffer.from('-Strae 7')],
];

describe('the route of a key', () => {
  it.each(VALUES)('is the same for a %s that comes as the text %s and as binary', (...each) => {
    const [form, text, binary] = each;
    expect(bytesOf(relation('text', [form]), [text])).toBe(
      bytesOf(relation('binary', [form]), [binary]),
    );
  });

  it('is the key’s own bytes, uncopied, where it comes in that form already', () => {
    const key = keyOf(toTuple([hex('0000002a'), 'a']), [0, 1]);
    expect(compileRoute(relation('binary', ['int4', 'same']))!(key)).toBe(key);
  });

  it('leaves out what has no such form, and takes one lane where nothing is left', () => {
    const of = (encoding: Column['encoding']) => relation(encoding, ['int4', null, 'same']);
    expect(bytesOf(of('text'), ['42', '1.50', 'a'])).toBe(
      bytesOf(of('binary'), [hex('0000002a'), hex('0002000000000002'), 'a']),
    );
    expect(compileRoute(relation('text', [null]))).toBeNull();
    expect(compileRoute(relation('text', ['int4'], { order: 'namespace' }))).toBeNull();
  });

  it('is that of the whole row where rows have no key, absent values included', () => {
    const row = { identity: 'row', key: [] } as const;
    const [text, binary] = (['text', 'binary'] as const).map((encoding) =>
      relation(encoding, ['int4', 'same', 'bool'], { ...row, key: [] }),
    );
    expect(bytesOf(text!, ['7', null, 't'])).toBe(
      bytesOf(binary!, [hex('00000007'), null, hex('01')]),
    );
    expect(bytesOf(text!, ['7', null, 't'])).not.toBe(bytesOf(text!, ['7', '', 't']));
  });

  it('of a plan that does not record it is the key as it is encoded', () => {
    const earlier = relation('text', ['int4']);
    delete earlier.route;
    const key = keyOf(toTuple(['42']), [0]);
    expect(compileRoute(earlier)!(key)).toBe(key);
  });

  it('is the same for values that are equal and written in other ways', () => {
    const same: [RouteForm, ...string[]][] = [
      ['numeric', '1.5', '1.50', '1.5000000'],
      ['numeric', '0', '0.000'],
      ['numeric', '-120000', '-120000.00000'],
      ['float8', '0', '-0'],
      ['trimmed', 'a', 'a   '],
      ['caseless', 'Kim-7', 'KIM-7', '\u212aim-7'],
    ];
    for (const [form, ...texts] of same)
      expect(new Set(texts.map((text) => bytesOf(relation('text', [form]), [text])))).toHaveLength(1); // prettier-ignore
    expect(bytesOf(relation('binary', ['float8']), [hex('fff8000000000001')])).toBe(
      bytesOf(relation('text', ['float8']), ['NaN']),
    );
  });

  it('refuses a value that does not print as its type prints', () => {
    for (const [form, text] of [
      ['numeric', '1e3'],
      ['inet', '1::2::3'],
      ['timetz', '10:00'],
      ['float8', '0x10'],
      ['int4', '1e3'],
      ['uuid', 'xyz0'],
      ['date', '31.01.2026'],
      ['timestamp', '2026-01-31 10:00:00+02'],
    ] as const)
      expect(() => bytesOf(relation('text', [form]), [text])).toThrow(/does not print/);
  });
});
