import type { DataSet } from './data-set.ts';

const WIDE_COLUMNS = 60;
/** Four md5 sums of 32 characters, 100 times; compression halves it at most. */
const LARGE_PIECES = 400;

/** Two numbers and a key: what a row costs apart from its values. */
export const NARROW: DataSet = {
  tables: [{ name: 'public.narrow', order: 'id' }],
  definition:
    'CREATE TABLE public.narrow (id bigint PRIMARY KEY, a integer NOT NULL, b integer NOT NULL)',
  fill: (rows) => [
    `INSERT INTO public.narrow SELECT n, n % 1009, n % 9973 FROM generate_series(1::bigint, ${rows}) AS n`,
  ],
};

/** Sixty columns, in turn a number, a text, a time and one that is mostly null: what a column costs. */
export const WIDE: DataSet = {
  tables: [{ name: 'public.wide', order: 'id' }],
  definition: `CREATE TABLE public.wide (id bigint PRIMARY KEY, ${wideColumns(
    (i) =>
      `c${i} ${['integer NOT NULL', 'text NOT NULL', 'timestamptz NOT NULL', 'numeric'][i % 4]!}`,
  )})`,
  fill: (rows) => [
    `INSERT INTO public.wide SELECT n, ${wideColumns(
      (i) =>
        [
          `(n + ${i}) % 100000`,
          `'value ' || (n * ${i + 1}) % 1000003`,
          `timestamptz '2024-01-01 00:00:00+00' + n * interval '${i + 1} second'`,
          `CASE WHEN n % 5 = 0 THEN n / ${i + 1}.0 END`,
        ][i % 4]!,
    )} FROM generate_series(1::bigint, ${rows}) AS n`,
  ],
};

/** Values of 12.8 kB each, which the store keeps out of line: what a byte costs. */
export const LARGE: DataSet = {
  tables: [{ name: 'public.large', order: 'id' }],
  definition: 'CREATE TABLE public.large (id bigint PRIMARY KEY, body text NOT NULL)',
  fill: (rows) => [
    `INSERT INTO public.large
       SELECT n, (SELECT string_agg(md5((n * 1000 + i)::text), '') FROM generate_series(1, ${LARGE_PIECES}) AS i)
       FROM generate_series(1::bigint, ${rows}) AS n`,
  ],
};

/** Many small tables, the rows evenly among them: what a table costs. */
export function manyTables(count: number): DataSet {
  const names = Array.from({ length: count }, (_, i) => `public.t${String(i).padStart(4, '0')}`);
  return {
    tables: names.map((name) => ({ name, order: 'id' })),
    definition: names
      .map(
        (name) =>
          `CREATE TABLE ${name} (id bigint PRIMARY KEY, name text NOT NULL, amount numeric(12, 2), at timestamptz NOT NULL)`,
      )
      .join(';'),
    fill: (rows) =>
      names.map((name, i) => {
        const share = Math.floor((rows * (i + 1)) / count) - Math.floor((rows * i) / count);
        return `INSERT INTO ${name}
          SELECT n, 'row ' || md5(n::text), n / 100.0, timestamptz '2024-01-01 00:00:00+00' + n * interval '1 second'
          FROM generate_series(1::bigint, ${share}) AS n`;
      }),
  };
}

function wideColumns(columnOf: (i: number) => string): string {
  return Array.from({ length: WIDE_COLUMNS }, (_, i) => columnOf(i)).join(', ');
}
