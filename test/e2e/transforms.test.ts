import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { countRows } from '../support/shop-pipeline.ts';
import { TRANSFORMS, transformedTables } from '../support/transformed-random.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();
const URL =
  'random:?seed=11&namespaces=2&rows=9000&chunk=600&size=400&transaction=4&changes=12000&rate=30000&mix=2:5:2';

async function createFile(spec: object): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  await writeFile(file, JSON.stringify(spec));
  return file;
}

it('a pipeline with transforms ends with what the steps make of the source, and every change accounted for', async () => {
  const targetUrl = await target.createDatabase();
  const name = `transforms-${process.pid}`;
  const spec = { name, source: { url: URL }, target: { url: targetUrl }, lanes: 4 };
  const file = await createFile({ ...spec, transforms: TRANSFORMS });
  const state = (query: string): Promise<number> => countRows(targetUrl, query);

  const applied = 'SELECT coalesce(sum(inserts + updates + deletes), 0) FROM weir.count';
  const filtered = applied.replace('count', 'filtered');
  const last = await weir.run(['run', file, '--until', 'caught-up']);
  expect(last.code, last.stderr).toBe(0);
  for (const [table, rows] of await transformedTables(URL)) {
    const found = await queryPostgres(
      targetUrl,
      `SELECT to_jsonb(t) - 'ratio' - 'made_at' AS row FROM ${table} t`,
    );
    expect(found.length).toBe(rows.size);
    const different = found.filter(({ row }) => {
      const texts = Object.entries(row as Record<string, unknown>).map(([column, value]) => [
        column,
        value === null ? null : String(value as string),
      ]);
      const got = Object.fromEntries(texts) as Record<string, string | null>;
      const sorted = (each: object | undefined): string =>
        JSON.stringify(Object.entries(each ?? {}).sort());
      return sorted(got) !== sorted(rows.get(String(got['id'])));
    });
    expect(different.slice(0, 3)).toEqual([]);
  }
  // Every change is accounted for: the log has come to its end by now.
  expect(await state(applied)).toBeGreaterThan(0);
  expect(await state(filtered)).toBeGreaterThan(0);
  expect((await state(applied)) + (await state(filtered))).toBe(12_000);
  expect(await state('SELECT sum(rows + filtered) FROM weir.chunk')).toBe(18_000);
  expect(await state('SELECT sum(filtered) FROM weir.chunk')).toBeGreaterThan(1_000);

  const [key] = await queryPostgres(
    targetUrl,
    `SELECT pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE conrelid = 'copies.table_2'::regclass AND contype = 'p'`,
  );
  expect(key).toEqual({ is: 'PRIMARY KEY (id)' });

  // Steps that would make other columns do not fit what is there.
  const other = await createFile({ ...spec, transforms: [...TRANSFORMS, { drop: ['note'] }] });
  const refused = await weir.run(['run', other, '--until', 'caught-up']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/transforms would make other columns of random\.table_1/);
  const reset = await weir.run(['reset', file]);
  expect(reset.code, reset.stderr).toBe(0);
});

it('a step that fails stops the pipeline with step, reason, key and namespace, and the corrected file goes on', async () => {
  const targetUrl = await target.createDatabase();
  const spec = {
    name: `failing-${process.pid}`,
    source: {
      url: 'random:?seed=3&rows=500&changes=400&rate=Infinity&mix=1:2:0'.replace(
        '&rate=Infinity',
        '',
      ),
    },
    target: { url: targetUrl },
    lanes: 2,
  };
  const failing = await createFile({
    ...spec,
    transforms: [{ set: { part: { cel: '1000 / (row.id - 510)', type: 'bigint' } } }],
  });
  const stopped = await weir.run(['run', failing, '--until', 'caught-up']);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(
    /step 1 \(set\): the expression failed: division by zero; it is the row with id = 510, changed at [0-9a-f]{32}, of random\.table_1/,
  );
  const mended = await createFile({
    ...spec,
    transforms: [
      { set: { part: { cel: 'row.id == 510 ? 0 : 1000 / (row.id - 510)', type: 'bigint' } } },
    ],
  });
  const done = await weir.run(['run', mended, '--until', 'caught-up']);
  expect(done.code, done.stderr).toBe(0);
  expect(await countRows(targetUrl, 'SELECT part FROM random.table_1 WHERE id = 510')).toBe(0);
  expect(await countRows(targetUrl, 'SELECT sum(inserts + updates) FROM weir.count')).toBe(400);
});

it('weir transform test shows rows before and after, writes nothing, and ends with 1 where a step fails', async () => {
  const spec = { name: 'sample', source: { url: URL }, target: { url: 'null:' } };
  const fine = await createFile({ ...spec, transforms: TRANSFORMS });
  const shown = await weir.run(['transform', 'test', fine, '--sample', '4', '--json']);
  expect(shown.code, shown.stderr).toBe(0);
  const [first] = JSON.parse(shown.stdout) as {
    namespace: string;
    rows: { before: Record<string, unknown>; after: Record<string, unknown> | null }[];
  }[];
  expect(first!.namespace).toBe('random.table_1');
  expect(first!.rows).toHaveLength(4);
  const kept = first!.rows.find(({ after }) => after !== null)!;
  expect(kept.after).toMatchObject({ title: kept.before['name'], land: 'DE' });
  expect(kept.after).not.toHaveProperty('payload');

  const bad = await createFile({ ...spec, transforms: [{ filter: 'row.note > 3' }] });
  const failed = await weir.run(['transform', 'test', bad]);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/fails {2}step 1 \(filter\): the expression failed/);
});

it('weir transform test shows rows of a PostgreSQL that a pipeline is made for, and leaves nothing there', async () => {
  const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
  await queryPostgres(
    sourceUrl,
    `CREATE TABLE public.people (id int PRIMARY KEY, name text, born date, score numeric(8,3), tags text[]);
     INSERT INTO public.people SELECT i, 'name ' || i, '2001-02-03', i / 4.0, ARRAY['a', NULL] FROM generate_series(1, 500) i;
     CREATE TABLE public.log (line text)`,
  );
  const spec = { name: 'sample', source: { url: sourceUrl }, target: { url: targetUrl } };
  const transforms = [
    { redact: { name: '***' }, on: ['public.people'] },
    { set: { half: { cel: 'double(row.score) / 2.0' } }, on: ['public.people'] },
    { route: { cel: "row.id % 2 == 0 ? 'p.even' : 'p.odd'", to: ['p.even', 'p.odd'] }, on: ['public.people'] }, // prettier-ignore
  ];
  const fine = await createFile({ ...spec, transforms });
  const shown = await weir.run(['transform', 'test', fine, '--sample', '2']);
  expect(shown.code, shown.stderr).toBe(0);
  expect(shown.stdout).toBe(`public.log
  no step is for it: its rows stay as they are

public.people → p.even
  before id=1 name="name 1" born="2001-02-03" score="0.250" tags="{a,NULL}"
  after  → p.odd id=1 name="***" born="2001-02-03" score="0.250" tags="{a,NULL}" half=0.125
  before id=2 name="name 2" born="2001-02-03" score="0.500" tags="{a,NULL}"
  after  → p.even id=2 name="***" born="2001-02-03" score="0.500" tags="{a,NULL}" half=0.25
`);
  const failing = await createFile({ ...spec, transforms: [{ cast: { name: 'integer' }, on: ['public.people'] }] }); // prettier-ignore
  const failed = await weir.run(['transform', 'test', failing, '--sample', '1']);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/fails {2}step 1 \(cast\)/);
  const left = 'SELECT count(*)::int AS n FROM ';
  for (const what of ['pg_replication_slots WHERE database = current_database()', 'pg_publication'])
    expect(await queryPostgres(sourceUrl, left + what)).toEqual([{ n: 0 }]);
  const tables = `pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`;
  expect(await queryPostgres(targetUrl, left + tables)).toEqual([{ n: 0 }]);
});
