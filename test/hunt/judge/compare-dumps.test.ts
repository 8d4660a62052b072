import { describe, expect, it } from 'vitest';
import { differences } from './compare-dumps.ts';
import { parseDump } from './pg-dump.ts';

const DUMP = `--
-- PostgreSQL database dump
--

\\restrict abc

SET default_tablespace = '';

--
-- Name: t; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE "public"."t" (
    "id" integer DEFAULT 7 NOT NULL,
    "v" "text"
);


--
-- Name: t_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE "public"."t_id_seq"
    START WITH 1
    INCREMENT BY 1;


--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: -
--

COPY "public"."t" ("id", "v") FROM stdin;
1	-- Name: not a head; Type: TABLE; Schema: public; Owner: -
2	two
2	two
\\.


--
-- Name: t_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('"public"."t_id_seq"', 5, true);


--
-- Name: by_v; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX "by_v" ON "public"."t" USING "btree" ("v");
`;

const TRIGGER = `
--
-- Name: t tr; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER "tr" BEFORE INSERT ON "public"."t" EXECUTE FUNCTION "public"."f"();
`;

interface Said {
  told: string[];
  before: string;
  notCarried: string[];
}

function compare(
  source: string,
  target: string,
  { told = [], before = source, notCarried = [] }: Partial<Said> = {},
): string[] {
  return differences({
    before: parseDump(before),
    source: parseDump(source),
    target: parseDump(target),
    changes: [],
    told,
    notCarried,
    pipeline: {},
    empty: { source: parseDump(''), target: parseDump('') },
    only: null,
  });
}

describe('the judge of both ends', () => {
  it('finds nothing where both are the same', () => {
    expect(compare(DUMP, DUMP)).toEqual([]);
  });

  it.each([
    ['a row that is missing', '2\ttwo\n2\ttwo', '2\ttwo'],
    ['a row that is there twice', '2\ttwo\n2\ttwo', '2\ttwo\n2\ttwo\n2\ttwo'],
    ['a value', '2\ttwo\n', '2\t\\N\n'],
    ['a default', 'DEFAULT 7', 'DEFAULT 8'],
    ['a type', '"v" "text"', '"v" character varying'],
    ['a sequence that is behind', ', 5, true', ', 4, true'],
    ['the definition of an index', '("v")', '("v" DESC)'],
    ['an index that is missing', '-- Name: by_v;', '-- Name: other;'],
    ['columns', 'COPY "public"."t" ("id", "v")', 'COPY "public"."t" ("id", "w")'],
  ])('finds %s', (_, is, becomes) => {
    expect(DUMP).toContain(is);
    expect(compare(DUMP, DUMP.replace(is, becomes))).not.toEqual([]);
  });

  it('takes columns in another order for the same', () => {
    const other = DUMP.replace('("id", "v") FROM', '("v", "id") FROM')
      .replace(/^1\t(.*)$/m, '$1\t1')
      .replaceAll('2\ttwo', 'two\t2')
      .replace('"id" integer DEFAULT 7 NOT NULL,\n    "v" "text"', '"v" "text",\n    "id" integer DEFAULT 7 NOT NULL'); // prettier-ignore
    expect(other).not.toBe(DUMP);
    expect(compare(DUMP, other)).toEqual([]);
  });

  it('wants to be told what stays behind', () => {
    expect(compare(DUMP + TRIGGER, DUMP)).toEqual(['not told: TRIGGER public.t tr is left out']);
    expect(compare(DUMP + TRIGGER, DUMP, { notCarried: ['triggers'] })).toEqual([]);
  });

  it('excuses a table only where it is said of that table', () => {
    const empty = '--\n';
    expect(compare(DUMP, empty, { told: ['public.t is unlogged and is left out'] })).not.toContain(
      'missing at the target: TABLE public.t',
    );
    expect(compare(DUMP, empty, { told: ['public.tt is unlogged and is left out'] })).toContain(
      'missing at the target: TABLE public.t',
    );
  });

  it('looks for no index of a table that is left out', () => {
    const told = ['public.t is unlogged and is left out'];
    expect(compare(DUMP, '--\n', { told })).toEqual([]);
    expect(compare(DUMP, '--\n', { told: ['public.tt is unlogged and is left out'] })).toContain(
      'missing at the target: INDEX public.by_v',
    );
  });

  it('holds structure that came later against nobody, but rows', () => {
    const before = DUMP.replace('by_v', 'older');
    expect(compare(DUMP, DUMP.replace('-- Name: by_v;', '-- Name: older;'), { before })).toEqual(
      [],
    );
    expect(compare(DUMP, DUMP.replace('2\ttwo\n', ''), { before: '--\n' })).not.toEqual([]);
  });
});
