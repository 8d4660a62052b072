import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { queryPostgres, useTargetPostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';

const target = useTargetPostgres();
const weir = useWeir();
const ROWS = 400;

interface LossyColumn {
  type: string;
  becomes: string;
  /** A value that the other type holds as it is, and one of which it makes another. */
  exact: unknown;
  lossy: unknown;
  /** What somebody else writes there afterwards, as SQL: the same but for the least there is. */
  damage: string;
}

const COLUMNS: Readonly<Record<string, LossyColumn>> = {
  amount: { type: 'numeric(12,4)', becomes: 'numeric(12,2)', exact: 7.25, lossy: 7.2551, damage: '7.25' },
  ratio: { type: 'double precision', becomes: 'real', exact: 0.5, lossy: 0.123456789, damage: "'0.12345680'" },
  big: { type: 'bigint', becomes: 'real', exact: 4, lossy: 16777217, damage: '16777218' },
  at: { type: 'timestamp(9) with time zone', becomes: 'timestamp(3) with time zone', exact: '2026-01-31T12:00:00.5Z', lossy: '2026-01-31T23:59:59.9996Z', damage: "'2026-01-31 23:59:59.999+00'" },
  clock: { type: 'time(9) without time zone', becomes: 'time(0) without time zone', exact: '12:00:00', lossy: '23:59:59.500000001', damage: "'23:59:59'" },
  day: { type: 'timestamp without time zone', becomes: 'date', exact: '2026-01-31 00:00:00', lossy: '2026-01-31 10:00:00', damage: "'2026-02-01'" },
  code: { type: 'character varying(9)', becomes: 'character varying(3)', exact: 'abc', lossy: 'abc   ', damage: "'ab'" },
  settings: { type: 'json', becomes: 'jsonb', exact: '{"a": 1}', lossy: '{"b":1,"a":2,"b":3}', damage: `'{"a": 2, "b": 1}'` },
  steps: { type: 'numeric[]', becomes: 'numeric(6,1)[]', exact: '{1.0,NULL}', lossy: '{1.26,NULL}', damage: "'{1.3}'" },
}; // prettier-ignore

const NAMES = Object.keys(COLUMNS);

it('what types of the pipeline file change on purpose is counted column by column, and any damage, in these columns too, is found and named', async () => {
  const url = await target.createDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-lossy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = path.join(folder, 'data', 'public.t');
  await mkdir(data, { recursive: true });
  const columns = Object.entries(COLUMNS).map(([name, { type }]) => ({ name, type }));
  const schema = { columns: [{ name: 'id', type: 'bigint' }, ...columns], key: ['id'] };
  await writeFile(path.join(data, '_schema.json'), JSON.stringify(schema));
  // Each row has one lossy value at most: row n of column n modulo their number, in its first half.
  const isLossy = (id: number, place: number): boolean =>
    id <= ROWS / 2 && id % NAMES.length === place;
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const values = Object.entries(COLUMNS).map(([name, { exact, lossy }], place) => {
      return [name, isLossy(i + 1, place) ? lossy : exact];
    });
    return JSON.stringify({ id: i + 1, ...Object.fromEntries(values) });
  });
  await writeFile(path.join(data, 'rows.jsonl'), `${lines.join('\n')}\n`);
  const file = path.join(folder, 'pipeline.yaml');
  const types = Object.fromEntries(NAMES.map((name) => [`public.t.${name}`, COLUMNS[name]!.becomes])); // prettier-ignore
  const ends = { source: { url: `file:${folder}/data` }, target: { url }, mode: 'snapshot' };
  await writeFile(file, JSON.stringify({ name: `lossy-${process.pid}`, ...ends, types }));
  const done = await weir.run(['run', file]);
  expect(done.code, done.stderr).toBe(0);

  const verify = () => weir.run(['verify', file, '--settle', '0']);
  const changedIn = (place: number): number =>
    Array.from({ length: ROWS }, (_, i) => isLossy(i + 1, place)).filter(Boolean).length;
  const told = NAMES.map((name, place) => new RegExp(`${name} \\([^()]*(\\([^()]*\\)[^()]*)*\\): ${changedIn(place)} changed`)); // prettier-ignore
  const equal = await verify();
  expect(equal.code, equal.stdout + equal.stderr).toBe(0);
  for (const each of told) expect(equal.stdout).toMatch(each);
  const json = await weir.run(['verify', file, '--settle', '0', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ namespaces: [{ changed: ROWS / 2 }] });

  // Each in a row of its own, of which the type has changed this value already.
  for (const [place, name] of NAMES.entries())
    await queryPostgres(
      url,
      `UPDATE t SET ${name} = ${COLUMNS[name]!.damage} WHERE id = ${NAMES.length + place}`,
    );
  await queryPostgres(
    url,
    `DELETE FROM t WHERE id = 5; INSERT INTO t (id) VALUES (9000); UPDATE t SET amount = NULL WHERE id = 300`,
  );
  const found = await verify();
  expect(found.code).toBe(1);
  const damaged = [
    ...NAMES.map((_, place) => `different: {${NAMES.length + place}}`),
    'different: {300}',
  ];
  for (const line of [...damaged, 'missing at target: {5}', 'extra at target: {9000}'])
    expect(found.stdout).toContain(line);
  expect(found.stdout).toContain(`, ${damaged.length} different, `);
  for (const each of told) expect(found.stdout).toMatch(each);
});
