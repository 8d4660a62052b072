import { expect, it } from 'vitest';
import { queryPostgres, useNats, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const nats = useNats();
const weir = useWeir();

interface Report {
  equal: boolean;
  rows: number;
  namespaces: { namespace: string; state: string; differences: { key: string; kind: string }[] }[];
}

it('verify finds a flipped bit, a missing row, an extra row and a cut text among many rows', async () => {
  const pipeline = await createPipeline(source, target);
  const table = `CREATE TABLE public.big (id bigint PRIMARY KEY, bits bytea, line text);
    INSERT INTO public.big SELECT i, decode(md5(i::text), 'hex'), 'line ' || i FROM generate_series(1, 200000) i`;
  await Promise.all([
    queryPostgres(pipeline.sourceUrl, table),
    queryPostgres(pipeline.targetUrl, table),
  ]);
  const equal = await weir.run(['verify', pipeline.file]);
  expect(equal.code, equal.stdout + equal.stderr).toBe(0);
  expect(equal.stdout).toMatch(/200,000 rows .*equal/);

  await queryPostgres(
    pipeline.targetUrl,
    `UPDATE public.big SET bits = set_bit(bits, 77, 1 - get_bit(bits, 77)) WHERE id = 177777;
     UPDATE public.big SET line = left(line, -1) WHERE id = 31;
     DELETE FROM public.big WHERE id = 100000;
     INSERT INTO public.big VALUES (-1, NULL, NULL)`,
  );
  const different = await weir.run(['verify', pipeline.file, '--json', '--settle', '1']);
  expect(different.code).toBe(1);
  const report = JSON.parse(different.stdout) as Report;
  expect(report.equal).toBe(false);
  expect(report.namespaces[0]?.differences.sort((a, b) => a.key.localeCompare(b.key))).toEqual(
    [
      { key: '{-1}', kind: 'extra at target' },
      { key: '{31}', kind: 'different' },
      { key: '{100000}', kind: 'missing at target' },
      { key: '{177777}', kind: 'different' },
    ].sort((a, b) => a.key.localeCompare(b.key)),
  );
});

it('reset removes what the pipeline created and leaves the data; a second one finds nothing to do', async () => {
  const pipeline = await createPipeline(source, target, { nats: { url: nats.url } });
  await queryPostgres(
    pipeline.sourceUrl,
    'CREATE TABLE public.t (id int PRIMARY KEY); INSERT INTO public.t SELECT generate_series(1, 100)',
  );
  const run = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(run.code, run.stderr).toBe(0);
  const left = async () => ({
    slots: await queryPostgres(
      pipeline.sourceUrl,
      'SELECT slot_name FROM pg_replication_slots WHERE database = current_database()',
    ),
    publications: await queryPostgres(pipeline.sourceUrl, 'SELECT pubname FROM pg_publication'),
  });
  expect((await left()).slots).toHaveLength(1);

  const reset = await weir.run(['reset', pipeline.file]);
  expect(reset.code, reset.stderr).toBe(0);
  expect(reset.stdout).toMatch(new RegExp(`nats: removed .*WEIR_${pipeline.name}_`));
  expect(await left()).toEqual({ slots: [], publications: [] });
  expect(
    await queryPostgres(pipeline.targetUrl, 'SELECT count(*)::int AS n FROM public.t'),
  ).toEqual([{ n: 100 }]);

  const again = await weir.run(['reset', pipeline.file]);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toMatch(/nats: nothing/);
});
