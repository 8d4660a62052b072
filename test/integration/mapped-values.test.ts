import { expect, it } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import { compileCodec } from '../../shared/row/canonical/compile-codec.ts';
import { floatText } from '../../shared/row/canonical/shortest-float.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { valueMapping } from '../../shared/row/mapped/mapped-value.ts';
import type { LogicalKind, LogicalType } from '../../shared/schema/logical-type.ts';
import { parseTypeName } from '../../shared/schema/type-name.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';

const server = usePostgres();
const RANDOM = 40;

type Pick = (below: number) => number;

/** Of each kind the types that values come from, with those at the edges of what another type holds of them. */
const SOURCES: Readonly<Record<LogicalKind, readonly [string, (pick: Pick) => string, ...string[]][]>> = {
  boolean: [['boolean', (pick) => 'tf'[pick(2)]!, 't', 'f']],
  integer: [
    ['bigint', (pick) => String((BigInt(pick(2 ** 31)) - 2n ** 30n) ** BigInt(1 + pick(2))), '0', '-9223372036854775808', '9007199254740993', '16777217', '-16777219', '32768', '1'],
  ],
  float: [
    ['double precision', anyDouble, 'NaN', 'Infinity', '-0', '5e-324', '1.0000000596046448', '1.0000001788139343', '3.4028235677973366e+38', '7.006492321624085e-46'],
    ['real', (pick) => floatText(Math.fround(pick(1e6) / 997), 32), '1e-45', '3.4028235e+38', '0.1'],
  ],
  decimal: [
    ['numeric', anyDecimal, 'NaN', '0.005', '-0.005', '0.0049', '2.675', '1.00000005960464477539062500000000001', '1.00000005960464477539062499999999999', '123456789.5', '0.000'],
    ['numeric(12,4)', (pick) => compileCodec(parseTypeName('numeric(12,4)')).read(`${pick(10 ** 9) - 5 * 10 ** 8}e-4`), '2.0050', '-2.0050'],
  ],
  string: [['text', (pick) => [...'ü🐟ab'].slice(0, pick(5)).join('') + ' '.repeat(pick(8)), '', 'abcdef', 'abc   ', '🐟🐟🐟🐟', '12', '1.5', '2026-01-31', '\\x00ff', 'a\\\\b\\001', '{"b":1, "a":2.50}', 't']],
  bytes: [['bytea', (pick) => `\\x${pick(2 ** 32).toString(16).padStart(8, '0')}`, '\\x']],
  date: [['date', (pick) => `${1000 + pick(8999)}-0${1 + pick(9)}-1${pick(10)}`, 'infinity', '-infinity', '0044-03-15 BC', '2024-02-29']],
  time: [
    ['time(9) without time zone', anyTime, '00:00:00', '24:00:00', '23:59:59.9999999', '23:59:59.999999', '12:00:00.0000005', '12:00:00.0000015'],
    ['time with time zone', (pick) => `${anyTime(pick).slice(0, 8)}${pick(2) ? '+05:30' : '+00'}`, '24:00:00-15:59'],
  ],
  timestamp: [
    ['timestamp(9) without time zone', anyInstant, 'infinity', '2026-12-31 23:59:59.9999995', '2026-01-01 00:00:00.0000005', '1999-12-31 23:59:59.5', '1999-12-31 23:59:59.0005', '2000-01-01 00:00:00.5', '0044-03-15 12:00:00.123456789 BC', '0001-01-01 00:00:00'],
    ['timestamp(9) with time zone', (pick) => `${anyInstant(pick)}+00`, '-infinity', '0001-12-31 23:59:59.9999999+00 BC', '2026-01-31 00:00:00+00'],
  ],
  interval: [['interval', (pick) => `${2 + pick(9)} days 01:02:03.${1 + pick(9)}`, '00:00:00']],
  uuid: [['uuid', (pick) => `${pick(2 ** 32).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`]],
  json: [
    ['json', (pick) => `{"b":${pick(9)},  "a":[1.50,1e3], "b":2}`, 'null', '"\\u0041"'],
    ['jsonb', (pick) => `{"a": ${pick(9)}}`],
  ],
  bits: [['bit(9)', (pick) => pick(512).toString(2).padStart(9, '0')], ['bit varying', (pick) => pick(64).toString(2)]],
  array: [
    ['numeric[]', (pick) => `{${anyDecimal(pick)},NULL,${anyDecimal(pick)}}`, '{}', '[2:3]={1.005,2}', '{{1.005},{2}}'],
    ['text[]', (pick) => `{a,"b ${pick(9)}",NULL}`, '{"abc      "}'],
  ],
  // No store has columns of these that could be asked.
  enum: [], set: [], document: [], objectId: [], geometry: [], vector: [], other: [],
}; // prettier-ignore

const TARGETS = [
  ...['boolean', 'smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric', 'numeric(9,2)', 'numeric(5,0)'],
  ...['text', 'character varying(5)', 'character(5)', 'bytea', 'date', 'interval', 'uuid', 'json', 'jsonb', 'bit(9)', 'bit varying(4)'],
  ...['time(0) without time zone', 'time(3) without time zone', 'time without time zone', 'time(2) with time zone'],
  ...['timestamp(0) without time zone', 'timestamp(3) without time zone', 'timestamp without time zone', 'timestamp(3) with time zone', 'timestamp with time zone'],
  ...['numeric(6,2)[]', 'real[]', 'character varying(5)[]'],
]; // prettier-ignore

function anyDouble(pick: Pick): string {
  return floatText((pick(2 ** 31) - 2 ** 30) * 2 ** (pick(300) - 170), 64);
}

function anyDecimal(pick: Pick): string {
  return `${pick(2) ? '-' : ''}${1 + pick(10 ** 6)}.${String(pick(10 ** 7)).padStart(7, '0')}`;
}

function anyTime(pick: Pick): string {
  const two = (below: number): string => String(pick(below)).padStart(2, '0');
  return `${two(24)}:${two(60)}:${two(60)}.${pick(10 ** 8)}1`;
}

function anyInstant(pick: Pick): string {
  const year = [1900, 1999, 2000, 2026][pick(4)]!;
  return `${year + pick(50)}-0${1 + pick(9)}-1${pick(10)} ${anyTime(pick)}`;
}

interface Case {
  from: LogicalType;
  to: LogicalType;
  place: number;
  text: string;
}

/** What PostgreSQL holds of the text in a column of each type; null where it refuses it. */
async function heldBy(url: string, cases: readonly Case[]): Promise<(string | null)[]> {
  const tables = TARGETS.map((type, i) => `CREATE TABLE held_${i} (v ${type})`).join('; ');
  await queryPostgres(
    url,
    `${tables}; CREATE FUNCTION hold(place text, given text) RETURNS text LANGUAGE plpgsql AS $$
     DECLARE held text;
     BEGIN
       EXECUTE format('INSERT INTO held_%s VALUES (%L) RETURNING format(''%%s'', v)', place, given) INTO held;
       RETURN held;
     EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$`,
  );
  const { rows } = { rows: await queryPostgres(
    url,
    `SELECT hold(w.place, w.given) AS held FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(place, given, nth) ORDER BY nth`,
    [cases.map(({ place }) => String(place)), cases.map(({ text }) => text)],
  ) }; // prettier-ignore
  return rows.map((row) => row['held'] as string | null);
}

/**
 * Between types that mean different things PostgreSQL takes text for whatever it may be (the number 20260131 is a day):
 * that is not known here, and such a value stays as it is.
 */
function isMeant({ from, to }: Case): boolean {
  const family = FAMILIES.find((kinds) => kinds.includes(from.kind));
  return TEXTS.includes(to.kind) || (family?.includes(to.kind) ?? from.kind === to.kind);
}

const TEXTS: readonly LogicalKind[] = ['string', 'bytes'];
const FAMILIES: readonly (readonly LogicalKind[])[] = [
  ['integer', 'float', 'decimal'],
  ['date', 'timestamp'],
];

it('what a type of the target makes of any value is known to the byte, and so is what it refuses', async () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`mapped values: WEIR_SEED=${seed}\n`);
  const pick = createRandom(seed);
  const cases = Object.values(SOURCES).flatMap((sources) =>
    sources.flatMap(([name, any, ...edges]) => {
      const texts = [...edges, ...Array.from({ length: RANDOM }, () => any(pick))];
      return TARGETS.flatMap((target, place) => {
        const [from, to] = [parseTypeName(name), parseTypeName(target)];
        return [...new Set(texts)].map((text): Case => ({ from, to, place, text }));
      });
    }),
  );
  const held = await heldBy(await server.createDatabase(), cases);
  const wrong = cases.flatMap((each, i) => {
    const mapping = valueMapping(each.from, each.to);
    const expected = held[i];
    let mapped: string | null;
    try {
      mapped = mapping === null ? each.text : mapping(each.text).text;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      mapped = null;
    }
    if (mapped === expected || ((mapped === null || expected === null) && !isMeant(each)))
      return [];
    return [`${each.text} as ${TARGETS[each.place]}: ${mapped} and not ${expected}`];
  });
  expect(wrong).toEqual([]);
});
