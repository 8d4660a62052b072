import { createRandom } from '../../infra/demo/random.ts';

/** Beginnings of texts by type: values as people, spreadsheets and other programs write them, and some that are none. */
const SEEDS: Readonly<Record<string, readonly string[]>> = {
  boolean: ['t', 'true', 'True', 'YES', 'no', 'on', 'of', 'o', '1', '0', '2', 'y', ' f ', 'wahr', ''],
  smallint: ['1', '-32768', '32768', '+7', ' 42', '1e3', '0x10', '1_000', '007', '-0', '1.0', ''],
  integer: ['2147483647', '2147483648', '-2147483649', '1,000', 'abc', '٣', '12 ', '--1', '3000000000'],
  bigint: ['9223372036854775807', '9223372036854775808', '1,000', '+9', '99999999999999999999', '-'],
  real: ['0.1', '0.123456789', '3.4e38', '3.5e38', '1e-46', '16777217', 'nan', '-inf', '1e', '0x1p3', '.5', '5.'],
  'double precision': ['0.1', '1e400', '1e-400', 'Infinity', '+inf', 'NaN', '0x10', '1_0', '5.', '.e1', ''],
  'numeric(6,2)': ['1.005', '1.5', '9999.99', '10000', '1e3', '-0', '+1', '.5', 'NaN', 'inf', '0012.30', '1.500'],
  'numeric(4,0)': ['12', '12.0', '12.5', '99999', '1e2'],
  'numeric(5,-2)': ['1200', '1234', '0', '1e6'],
  numeric: ['1e3', '1.50', '-0.00', '1e-5', '00.10', 'NaN', 'Infinity', '1 2', '5.', '1.5e1', '123456789012345678901234567890.5'],
  uuid: ['11111111-2222-3333-4444-555555555555', '{11111111222233334444555555555555}', '1111-11112222333344445555-55555555', 'not-a-uuid', 'ABCDEFAB-2222-3333-4444-555555555555', ' 11111111-2222-3333-4444-555555555555'],
  bytea: ['\\x', '\\x0aFF', '\\x0', '\\xzz', '\\x 0a'],
  date: ['2026-01-31', '2026-02-30', '2024-02-29', '0044-03-15 BC', 'infinity', 'today', '1/2/2026', '2026-1-2', '10000-01-01', '0000-01-01'],
  'timestamp without time zone': ['2026-01-31 10:20:30.123456', '2026-01-31T10:20:30', '2026-01-31 24:00:00', '2026-01-31 10:20:60', '2026-01-31 10:20:30.1234567', '2026-13-01 00:00:00'],
  'timestamp with time zone': ['2026-01-31 10:20:30+00', '2026-01-31T10:20:30Z', '2026-01-31 10:20:30+05:30', '2026-01-31 10:20:30-24', '2026-01-31 10:20:30'],
  'time without time zone': ['10:20:30.5', '24:00', '24:00:01', '10:20', '1:2', '10:20:60', '10:20:30+02', ' 00:00:00 '],
  'time with time zone': ['10:20:30+02', '10:20Z', '10:20:30', '24:00:00-15:59', '10:20:30+05:30:15', '10:20:30+16', '10:20+0530'],
  interval: ['1 mon -2 days', '1 year 2 mons 3 days 04:05:06.7', '-1 days +02:03:04', '5 hours', '1 week', 'P1Y2M3DT4H5M6.7S', 'P-1D', '90', '1.5 days', '838:59:59', '-00:00:01', '1 hour 30 minutes 5.25 seconds', 'P', '1 day ago', '25 mons', '1 min 2:03'],
  jsonb: ['{"b": 1, "a": [1.50, 1e3, -0]}', '{"a":1,"a":2}', '"\\u0041\\ud83d\\udc1f"', '"\\ud83d"', '[1,]', "{'a':1}", '01', '1e-5', '{"a b":{}}', 'nul', ' true ', '"tab\t"', '1.'],
  'integer[]': ['{1,2}', '{1,NULL}', '{}', '{{1},{2}}', '{{1},{2,3}}', '{1,2', '{ 1 , 2 }', '{"1"}', '{1,,2}', '[2:3]={1,2}', '{a}', '{1}x', '{{}}'],
  'boolean[]': ['{t,f}', '{True,0}', '{x}'],
  'text[]': ['{a,"b,c"}', '{"a\\"b"}', '{a b}', '{"NULL",null}', '{a"b}', '{"a}'],
}; // prettier-ignore

export const ODD_TYPES = Object.keys(SEEDS);

/** The texts of a type, and as many that differ from one of them by a character or two. */
export function oddTexts(type: string, count: number, seed: number): string[] {
  const random = createRandom(seed);
  const pick = <T>(from: ArrayLike<T>): T => from[random(from.length)]!;
  const seeds = SEEDS[type]!;
  const characters = '0123456789+-.,eE_xX tTfFnN{}"\\:ZyY١ \t';
  const changed = (): string => {
    let text = pick(seeds);
    for (let n = 0; n <= random(2); n++) {
      const at = random(text.length + 1);
      const put = random(4) === 0 ? '' : pick(characters);
      text = text.slice(0, at) + put + text.slice(at + random(2));
    }
    return text;
  };
  return [...seeds, ...Array.from({ length: count }, changed)];
}
