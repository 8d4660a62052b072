import { describe, expect, it } from 'vitest';
import type { LogicalType } from '../../schema/logical-type.ts';
import { parseTypeName } from '../../schema/type-name.ts';
import { compileCodec } from './compile-codec.ts';
import { Refusal } from './refusal.ts';

/** What text becomes; what is wrong with it, behind a `!`. */
function read(type: string | LogicalType, text: string): string {
  const codec = compileCodec(typeof type === 'string' ? parseTypeName(type) : type);
  try {
    return codec.read(text);
  } catch (error) {
    if (error instanceof Refusal) return `!${error.reason}`;
    throw error;
  }
}

const isCanonical = (type: string | LogicalType, text: string): boolean => {
  const bytes = Buffer.from(`\x31${text}\x31`);
  const codec = compileCodec(typeof type === 'string' ? parseTypeName(type) : type);
  return codec.isCanonical(bytes, 1, bytes.length - 1);
};

const UINT64 = { kind: 'integer', bits: 64, signed: false } as const;
const SET = { kind: 'set', labels: ['b', 'a'] } as const;
const VECTOR = { kind: 'vector', dimensions: 3 } as const;
const LONG_TIME = { kind: 'time', precision: 1, zone: false, duration: true } as const;

/** The type, text as somebody writes it, and what it is understood as. */
const UNDERSTOOD: [string | LogicalType, string, string][] = [
  ['boolean', 'True', 't'],
  ['boolean', ' no ', 'f'],
  ['integer', ' +042\n', '42'],
  ['integer', '-0', '0'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  [UINT64, '18446744073709551615', '18446744073709551615'],
  ['numeric(6,2)', '1e3', '1000.00'],
  ['numeric(6,2)', '-0', '0.00'],
  ['numeric', '00.10', '0.10'],
  ['numeric', '1.00', '1.00'],
  ['numeric', 'nan', 'NaN'],
  ['numeric(5,-2)', '1200', '1200'],
  ['double precision', '1E15', '1e+15'],
  ['double precision', '123456789012345', '123456789012345'],
  ['double precision', '0.00001', '1e-05'],
  ['double precision', '0.10000000000000001', '0.1'],
  ['double precision', '1e23', '9.999999999999999e+22'],
  ['double precision', '8.41e21', '8.409999999999999e+21'],
  ['double precision', '9007199254740992', '9.007199254740992e+15'],
  ['double precision', '5e-324', '5e-324'],
  ['double precision', '-0.0', '-0'],
  ['double precision', '-inf', '-Infinity'],
  ['real', '1000000', '1e+06'],
  ['real', '16777216', '1.6777216e+07'],
  ['real', '0.100000001', '0.1'],
  ['real', '1e-45', '1e-45'],
  ['real', '3.4028235e38', '3.4028235e+38'],
  ['character(4)', 'ü', 'ü   '],
  ['bytea', '\\x0aFF', '\\x0aff'],
  ['uuid', '{11111111222233334444ABCDEFABCDEF}', '11111111-2222-3333-4444-abcdefabcdef'],
  ['date', '2024-02-29', '2024-02-29'],
  ['date', '0044-03-15 BC', '0044-03-15 BC'],
  ['date', '0001-02-29 BC', '0001-02-29 BC'],
  ['date', '10000-01-01', '10000-01-01'],
  ['timestamp without time zone', '2026-01-31T10:20', '2026-01-31 10:20:00'],
  ['timestamp(3) without time zone', '2026-01-31 10:20:30.120000', '2026-01-31 10:20:30.12'],
  ['timestamp with time zone', '2026-01-31T23:20:30-05:30', '2026-02-01 04:50:30+00'],
  ['timestamp with time zone', '2026-03-29 02:30:00+02', '2026-03-29 00:30:00+00'],
  ['timestamp with time zone', '0001-01-01 00:00:00+01', '0001-12-31 23:00:00+00 BC'],
  ['timestamp with time zone', 'infinity', 'infinity'],
  ['time without time zone', '24:00', '24:00:00'],
  ['time with time zone', '12:34:56.780000+0530', '12:34:56.78+05:30'],
  ['time with time zone', '00:00:00Z', '00:00:00+00'],
  [LONG_TIME, '-838:59:59.50', '-838:59:59.5'],
  [LONG_TIME, '-00:00:00', '00:00:00'],
  ['interval', '14 months', '1 year 2 mons'],
  ['interval', 'P1Y2M3DT4H5M6.7S', '1 year 2 mons 3 days 04:05:06.7'],
  ['interval', '-1 mon 2 days -00:00:00.5', '-1 mons +2 days -00:00:00.5'],
  ['interval', '-838:59:59', '-838:59:59'],
  ['interval', '1 hour 30 minutes', '01:30:00'],
  ['interval', '00:00', '00:00:00'],
  ['json', '{"b": 1,  "b":2}', '{"b": 1,  "b":2}'],
  ['jsonb', '{"bb":1,"a":[1.50,1e3,-0],"a":"\\u00fc\\n"}', '{"a": "ü\\n", "bb": 1}'],
  ['jsonb', '[1E2, {}, [], null]', '[100, {}, [], null]'],
  ['bit(3)', '101', '101'],
  ['integer[]', '{007,null,-0}', '{7,NULL,0}'],
  ['integer[]', '[1:2]={1,2}', '{1,2}'],
  ['boolean[]', '[0:1]={True,0}', '[0:1]={t,f}'],
  ['text[]', '{a,"b c","null"}', '{a,"b c","null"}'],
  [{ kind: 'objectId' }, '0123456789ABCDEF01234567', '0123456789abcdef01234567'],
  [SET, 'a,b,a', 'b,a'],
  [SET, '', ''],
  [VECTOR, '[1, 2.50,1e6]', '[1,2.5,1e+06]'],
  [{ kind: 'geometry', shape: null, srid: null }, '0101000000000000000000f03f', '0101000000000000000000F03F'],
]; // prettier-ignore

/** The type, text that is no value of it, and why. */
const REFUSED: [string | LogicalType, string, RegExp][] = [
  ['boolean', 'o', /neither true nor false/],
  ['integer', '1,000', /no whole number/],
  ['integer', '1.0', /no whole number/],
  ['integer', '٣', /no whole number/],
  ['integer', '3000000000', /not within -2147483648 and 2147483647/],
  [UINT64, '-1', /not within 0 and 18446744073709551615/],
  ['numeric(6,2)', '1.005', /more than 2 digits behind the point/],
  ['numeric(6,2)', '10000', /more than 4 digits before the point/],
  ['numeric(6,2)', 'Infinity', /infinite/],
  ['numeric(5,-2)', '1234', /among the last 2/],
  ['numeric', '1_000', /no number/],
  ['double precision', '1e400', /beyond/],
  ['double precision', '1e-400', /holds it as 0/],
  ['double precision', '3.14159265358979323846', /another number/],
  ['double precision', '9007199254740993', /another number/],
  ['double precision', '0x10', /no number/],
  ['real', '16777217', /another number/],
  ['real', '3.5e38', /beyond/],
  ['text', 'a\0b', /U\+0000/],
  ['text', 'a\ud83d', /surrogate/],
  ['text[]', '{a,"\udc1f"}', /surrogate/],
  ['character varying(2)', 'abc', /more than 2 characters/],
  ['bytea', '\\x0', /bytes/],
  ['uuid', 'not-a-uuid', /no UUID/],
  ['date', '2026-02-30', /no such day/],
  ['date', '0000-00-00', /no such day/],
  ['date', '1/2/2026', /no date as 2026-01-31/],
  ['date', '4714-01-01 BC', /beyond the days/],
  ['timestamp without time zone', '2026-01-31 10:20:30+00', /the type has none/],
  ['timestamp without time zone', '2026-01-31 24:00:00', /no such time/],
  ['timestamp with time zone', '2026-01-31 10:20:30', /does not say its offset/],
  ['timestamp with time zone', '2026-01-31 10:20:30-24', /offset from UTC is none/],
  ['timestamp(3) without time zone', '2026-01-31 10:20:30.1234', /more than 3 digits/],
  ['time without time zone', '24:00:01', /no such time/],
  ['time without time zone', '24:00:00.5', /ends at 24:00:00/],
  [LONG_TIME, '839:00:00', /no such time/],
  ['interval', 'tomorrow', /no interval/],
  ['interval', '', /no interval/],
  ['interval', '200000000 years', /longer than/],
  ['json', "{'a': 1}", /no JSON/],
  ['jsonb', '{"a": "\\ud800"}', /surrogate/],
  ['jsonb', '"\\u0000"', /U\+0000/],
  ['jsonb', '[1,]', /no JSON/],
  ['bit(3)', '10', /not exactly 3 bits/],
  ['integer[]', '{1,x}', /no whole number/],
  ['integer[]', '{1,2', /no array/],
  [{ kind: 'enum', name: null, labels: ['a'] }, 'A', /none of the labels/],
  [SET, 'a,c', /a label that/],
  [VECTOR, '[1,2]', /exactly 3/],
  [VECTOR, '[1,2,NaN]', /finite/],
];

describe('the canonical form', () => {
  it.each(UNDERSTOOD)('of a %s written as %j is %j, which is its own', (type, text, canonical) => {
    expect(read(type, text)).toBe(canonical);
    expect(read(type, canonical)).toBe(canonical);
    if (text !== canonical) expect(isCanonical(type, text)).toBe(false);
  });

  it.each(REFUSED)('of a %s does not exist for %j, and why is said', (type, text, reason) => {
    expect(read(type, text)).toMatch(new RegExp(`^!.*${reason.source}`));
    // Halves of surrogates have no bytes, so that nothing can be told from them.
    if (!/[\ud800-\udfff]/u.test(text)) expect(isCanonical(type, text)).toBe(false);
  });

  it.each<[string, string]>([
    ['boolean', 't'],
    ['integer', '-2147'],
    ['bigint', '123456789012345678'],
    ['numeric(10,3)', '-12.500'],
    ['numeric', '0.10'],
    ['double precision', '-12.5'],
    ['double precision', '0.0001'],
    ['real', '123456'],
    ['text', 'ünï'],
    ['uuid', '11111111-2222-3333-4444-abcdefabcdef'],
    ['bytea', '\\x00ff'],
    ['date', '2026-01-28'],
    ['time without time zone', '23:59:59.000001'],
    ['timestamp without time zone', '2026-01-28 10:20:30'],
    ['timestamp with time zone', '2026-01-28 10:20:30.5+00'],
    ['bit varying', '0101'],
  ])('of a %s is told from the bytes of %s alone', (type, text) => {
    expect(isCanonical(type, text)).toBe(true);
    expect(read(type, text)).toBe(text);
  });

  it('is nothing but that form wherever bytes are taken for it', () => {
    for (const [type, text, canonical] of UNDERSTOOD)
      if (isCanonical(type, text)) expect(canonical).toBe(text);
  });
});
