import { expect, test } from 'vitest';
import { queryPostgres, useNats, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const nats = useNats();
const weir = useWeir();

test.each([
  ['with brokers of their own', () => undefined],
  ['that share a broker', () => nats.url],
])(
  'a second run of a pipeline is refused before it takes anything from the first, of two %s',
  async (_, natsUrl) => {
    const pipeline = await createPipeline(source, target, { lanes: 4 });
    const { sourceUrl, targetUrl, file } = pipeline;
    await queryPostgres(sourceUrl, 'CREATE TABLE public.t AS SELECT 1 AS id');
    await queryPostgres(sourceUrl, 'ALTER TABLE public.t ADD PRIMARY KEY (id)');
    const env = { WEIR_NATS_URL: natsUrl() };
    const first = weir.start(['run', file], { env });
    const arrived = (rows: number) =>
      waitFor(
        `${rows} rows`,
        async () => (await countRows(targetUrl, 'SELECT count(*) FROM public.t')) === rows,
        { timeoutMs: 60_000 },
      );
    const epochs = () => queryPostgres(targetUrl, 'SELECT lane, epoch FROM weir.lane ORDER BY 1');
    await queryPostgres(sourceUrl, 'INSERT INTO public.t VALUES (2)');
    await arrived(2);
    const before = await waitFor('all lanes have an owner', async () => {
      const rows = await epochs();
      return rows.every((row) => Number(row['epoch']) > 0) && rows;
    });
    const second = await weir.run(['run', file], { env });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/is running already/);
    await queryPostgres(sourceUrl, 'INSERT INTO public.t VALUES (3)');
    await arrived(3);
    expect(await epochs()).toEqual(before);
    expect(first.output).not.toMatch(/FENCED|lease was lost/);
    expect((await first.stop(45_000)).code).toBe(0);
  },
);
