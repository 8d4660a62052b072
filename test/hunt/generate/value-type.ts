import type { Dice } from './dice.ts';

/** A type with how its values are written: as text that the type's input takes. */
export interface ValueType {
  sql: string;
  text(dice: Dice): string;
  /** Ordinary values that differ from each other, for keys; absent where it cannot be a key. */
  key?: (n: number) => string;
  /** Has a default operator class for these; a key has btree and hash. */
  btree?: boolean;
  feature?: string;
  /** The first version of PostgreSQL that has it. */
  since?: number;
}

export function literalOf(type: ValueType, dice: Dice): string {
  return quoted(type.text(dice));
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** One of these texts. */
function oneOf(sql: string, texts: readonly string[], more: Partial<ValueType> = {}): ValueType {
  return { sql, text: (dice) => dice.pick(texts), btree: true, ...more };
}

const number = (n: number): string => String(n);
const TEXTS = [
  '',
  ' ',
  'a',
  'abc',
  'NULL',
  'null',
  '\\N',
  '\\.',
  'x\ty',
  'two\nlines',
  "it's",
  '"q"',
  'a,b',
  '{}',
  '(,)',
  '\\',
  '\\\\',
  '$1',
  '%s',
  '?', // prettier-ignore
  'größe',
  '表',
  '🙂',
  'é',
  'é',
  ' leading',
  'trailing ',
  '\r\n',
  '0',
  '-1',
  'true',
  'x'.repeat(300),
  'ab'.repeat(5_000), // prettier-ignore
] as const;

function text(dice: Dice): string {
  // Too long for a page even when compressed, as TOAST wants it.
  if (dice.chance(0.03))
    return Array.from({ length: 400 }, () => dice.letters(20)).join(dice.letters(1));
  return dice.chance(0.5) ? dice.pick(TEXTS) : dice.letters(dice.between(1, 12));
}

/** What ordinary tables are made of. */
export const ORDINARY_TYPES: readonly ValueType[] = [
  oneOf('integer', ['0', '1', '-1', '42', '2147483647', '-2147483648'], { key: number }),
  oneOf('bigint', ['0', '7', '9223372036854775807', '-9223372036854775808'], { key: number }),
  { sql: 'text', text, key: (n) => `k${n}`, btree: true },
  { sql: 'varchar(20)', text: (dice) => dice.letters(dice.below(20)), key: (n) => `v${n}`, btree: true }, // prettier-ignore
  oneOf('boolean', ['t', 'f']),
  oneOf('numeric(12,2)', ['0', '0.10', '-9999999999.99', '1234.5'], { key: number }),
  oneOf('double precision', ['0', '-0', 'NaN', 'Infinity', '-Infinity', '1e-300', '0.1', '123456789.125']), // prettier-ignore
  oneOf('date', ['2024-02-29', '1999-12-31', 'infinity', '-infinity', '0044-03-15 BC', '5874897-12-31']), // prettier-ignore
  oneOf('timestamp', ['2024-02-29 12:34:56.789012', 'infinity', '-infinity', '1969-12-31 23:59:59.999999']), // prettier-ignore
  oneOf('timestamptz', ['2024-02-29 12:34:56.789012+00', 'infinity', '2024-03-31 02:30:00+02', '0001-01-01 00:00:00+00 BC']), // prettier-ignore
  {
    sql: 'uuid',
    text: (dice) => `00000000-0000-4000-8000-${String(dice.below(1e9)).padStart(12, '0')}`,
    key: (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    btree: true,
  },
  oneOf('jsonb', ['{}', '[]', 'null', '{"a": [1, 2.50, null, "x\\"y"]}', '"\\u00e9"', '1e3']),
  oneOf('bytea', ['', '\\x', '\\x00ff', '\\x5c30', '\\xdeadbeef'], { key: (n) => `\\x${n.toString(16).padStart(8, '0')}` }), // prettier-ignore
];

/** All other built-in types that a column may have. */
export const RARE_TYPES: readonly ValueType[] = [
  oneOf('smallint', ['0', '32767', '-32768'], { key: (n) => String(n % 32_000) }),
  oneOf('numeric', ['0', 'NaN', '-0.000', '1e100', `${'9'.repeat(60)}.${'1'.repeat(60)}`, '0.00000000000000000001'], { key: number }), // prettier-ignore
  oneOf('numeric', ['Infinity', '-Infinity', 'NaN'], { since: 14 }),
  oneOf('real', ['0', '-0', 'NaN', 'Infinity', '1e-45', '3.4028235e38', '0.1']),
  oneOf('money', ['0', '-0.01', '92233720368547758.07']),
  oneOf('char(5)', ['', 'a', 'abcde', ' a'], { key: (n) => String(n % 99_999) }),
  oneOf('"char"', ['', 'a', '\\200', '\\377']),
  oneOf('name', ['', 'a', 'x'.repeat(63)], { key: (n) => `n${n}` }),
  oneOf('json', ['{}', ' { "b" : 1, "a":2, "a":3 } ', '1.0', 'null'], { btree: false }),
  oneOf('xml', ['<a/>', '<a b="c">d &amp; e</a>', 'text only', ''], { btree: false, feature: 'xml' }), // prettier-ignore
  oneOf('time', ['00:00:00', '24:00:00', '23:59:59.999999']),
  oneOf('timetz', ['00:00:00+00', '24:00:00-15:59', '12:00:00+05:30']),
  oneOf('timestamp(0)', ['2024-02-29 12:34:56', '294276-12-31 23:59:59', '4713-01-01 00:00:00 BC']),
  oneOf('interval', ['0', '1 year 2 mons -3 days 04:05:06.789', '-178000000 years', '1 mon -30 days']), // prettier-ignore
  oneOf('interval day to second', ['1 12:00:00', '-1 00:00:01']),
  oneOf('inet', ['127.0.0.1', '10.1.2.3/8', '::1', 'fe80::1/64'], { key: (n) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` }), // prettier-ignore
  oneOf('cidr', ['10.0.0.0/8', '::/0', '192.168.1.1/32']),
  oneOf('macaddr', ['08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff']),
  oneOf('macaddr8', ['08:00:2b:01:02:03:04:05']),
  oneOf('bit(3)', ['000', '101']),
  oneOf('varbit', ['', '1', '0101010101']),
  oneOf('point', ['(0,0)', '(-0,1e300)', '(NaN,Infinity)'], { btree: false }),
  oneOf('line', ['{1,2,3}'], { btree: false }),
  oneOf('lseg', ['[(0,0),(1,1)]'], { btree: false }),
  oneOf('box', ['(1,1),(0,0)'], { btree: false }),
  oneOf('path', ['[(0,0),(1,1)]', '((0,0),(1,1),(2,0))'], { btree: false }),
  oneOf('polygon', ['((0,0),(1,1),(2,0))'], { btree: false }),
  oneOf('circle', ['<(0,0),0>', '<(1,2),3.5>'], { btree: false }),
  oneOf('tsvector', ['', "'a':1A,2B 'b'", "'it''s' 'sp ace'"]),
  oneOf('tsquery', ['', "'a' & !'b'", "'a' <-> 'b':*", "'a':AB"]),
  oneOf('int4range', ['empty', '[1,5)', '(,)', '[5,]', '(,3]']),
  oneOf('numrange', ['empty', '[1.5,2.50]', '(,)', '(1.1,)']),
  oneOf('tsrange', ['empty', '["2024-01-01 00:00:00",infinity]', '(,"2024-01-01 00:00:00"]']),
  oneOf('tstzrange', ['empty', '["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")']),
  oneOf('daterange', ['empty', '[2024-01-01,2024-02-01)', '[-infinity,infinity]', '(,infinity)']),
  oneOf('int8multirange', ['{}', '{[1,3),[5,9)}', '{(,)}'], { since: 14 }),
  oneOf('nummultirange', ['{}', '{[1.0,3),(5,9]}'], { since: 14 }),
  oneOf('tsmultirange', ['{}', '{["2024-01-01 00:00:00","2024-01-02 00:00:00")}'], { since: 14 }),
  oneOf('oid', ['0', '1', '4294967295'], { key: number }),
  oneOf('regclass', ['pg_class', 'pg_catalog.pg_type', '-'], { feature: 'reg' }),
  oneOf('regtype', ['integer', 'text[]', '-'], { feature: 'reg' }),
  oneOf('regproc', ['now', '-'], { feature: 'reg' }),
  oneOf('regrole', ['postgres', '-'], { feature: 'reg' }),
  oneOf('regnamespace', ['pg_catalog', 'public'], { feature: 'reg' }),
  oneOf('pg_lsn', ['0/0', 'FFFFFFFF/FFFFFFFF', '16/B374D848']),
  oneOf('txid_snapshot', ['10:20:10,14,15'], { btree: false }),
  oneOf('pg_snapshot', ['10:20:10,14,15'], { btree: false }),
  oneOf('xid', ['3', '4294967295'], { btree: false }),
  oneOf('xid8', ['3', '18446744073709551615']),
  oneOf('cid', ['0', '7'], { btree: false }),
  oneOf('tid', ['(0,1)', '(4294967295,65535)']),
  oneOf('jsonpath', ['$', '$.a[*] ? (@ > 1)', 'strict $.b'], { btree: false }),
  oneOf('oidvector', ['', '1 2 3']),
  oneOf('int2vector', ['', '1 2 3'], { btree: false }),
  oneOf('refcursor', ['c', ''], { btree: false }),
  oneOf('aclitem', ['postgres=arw/postgres', '=r/postgres'], { btree: false, feature: 'aclitem' }),
];
