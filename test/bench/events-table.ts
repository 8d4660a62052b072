import { runSql, withClient } from './sql.ts';

/** The table of all cases: as wide and as mixed as a table of events usually is, about 240 bytes a row. */
export const EVENTS = 'public.events';

const DEFINITION = `CREATE TABLE ${EVENTS} (
  id bigint PRIMARY KEY,
  kind integer NOT NULL,
  title text NOT NULL,
  payload jsonb NOT NULL,
  amount numeric(12, 2) NOT NULL,
  tags text[] NOT NULL,
  note text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
)`;

/** The columns of a row made from `n`, as SELECT writes them. */
export function eventColumns(n: string): string {
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

export async function createEvents(url: string, signal: AbortSignal): Promise<void> {
  await runSql(url, DEFINITION, signal);
}

/** Makes the table with rows 1 to `rows`, settled as a table that is in use: hint bits set, statistics there. */
export async function createFilledEvents(
  url: string,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  await withClient(url, signal, async (query) => {
    await query(DEFINITION);
    await query(
      `INSERT INTO ${EVENTS} SELECT ${eventColumns('n')} FROM generate_series(1::bigint, ${rows}) AS n`,
    );
    await query(`VACUUM ANALYZE ${EVENTS}`);
  });
}

/** Of the table without its index. */
export async function eventBytes(url: string, signal: AbortSignal): Promise<number> {
  const rows = await runSql(url, `SELECT pg_table_size('${EVENTS}') AS bytes`, signal);
  return Number(rows[0]?.['bytes']);
}
