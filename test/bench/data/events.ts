import type { DataSet } from './data-set.ts';

/** As wide and as mixed as a table of events usually is, about 240 bytes a row. */
export const EVENTS_TABLE = 'public.events';

export const EVENTS: DataSet = {
  tables: [{ name: EVENTS_TABLE, order: 'id' }],
  definition: `CREATE TABLE ${EVENTS_TABLE} (
    id bigint PRIMARY KEY,
    kind integer NOT NULL,
    title text NOT NULL,
    payload jsonb NOT NULL,
    amount numeric(12, 2) NOT NULL,
    tags text[] NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
  )`,
  fill: (rows) => [insertEvents(`1::bigint`, String(rows))],
};

/** Inserts the events of these numbers, both ends included. */
export function insertEvents(first: string, last: string): string {
  return `INSERT INTO ${EVENTS_TABLE} SELECT ${eventColumns('n')} FROM generate_series(${first}, ${last}) AS n`;
}

/** The columns of a row made from `n`, as SELECT writes them. */
function eventColumns(n: string): string {
  return `${n},
    (${n} % 97)::integer,
    'event ' || md5(${n}::text),
    jsonb_build_object('user', ${n} % 10007, 'path', '/shop/item/' || ${n} % 4099, 'ok', ${n} % 3 = 0),
    (${n} % 1000003) / 100.0,
    ARRAY['tag' || ${n} % 11, 'region' || ${n} % 7],
    CASE WHEN ${n} % 4 = 0 THEN NULL ELSE 'noted by ' || md5((${n} * 7)::text) END,
    timestamptz '2024-01-01 00:00:00+00' + ${n} * interval '1 second',
    timestamptz '2024-01-01 00:00:00+00' + ${n} * interval '1.5 second'`;
}
