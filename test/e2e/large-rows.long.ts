import { expect, onTestFinished, test } from 'vitest';
import { ResidentWatch } from '../faults/resident-watch.ts';
import { queryPostgres, useNats, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = useTargetPostgres();
const nats = useNats();
const weir = useWeir();
const MIB = 1 << 20;
const env = () => ({ WEIR_NATS_URL: nats.url });
const value = (mib: number): string => `repeat(md5(random()::text), ${(mib * MIB) / 32})`;

test.each(['binary', 'text'])(
  'rows of 200 MiB, and many of 50, are copied and followed as %s in memory of a few times their size',
  async (encoding) => {
    const pipeline = await createPipeline(source, target, { lanes: 4 });
    const { sourceUrl, targetUrl } = pipeline;
    const sums = (url: string) =>
      queryPostgres(url, 'SELECT id, md5(v), length(v) FROM public.large ORDER BY id').catch(
        () => [],
      );
    await queryPostgres(
      sourceUrl,
      `CREATE TABLE public.large (id int PRIMARY KEY, n int, v text);
       ALTER TABLE public.large ALTER v SET STORAGE EXTERNAL;
       CREATE TABLE public.ticks (id serial PRIMARY KEY)`,
    );
    // What makes values travel as text.
    if (encoding === 'text')
      await queryPostgres(
        sourceUrl,
        `CREATE TYPE public.mood AS ENUM ('a'); CREATE TABLE public.moods (id int PRIMARY KEY, m public.mood[])`,
      );
    await queryPostgres(sourceUrl, `INSERT INTO public.large VALUES (0, 0, ${value(200)})`);
    const services = ['source-reader', 'target-writer'].map((name) => {
      const service = weir.start(['service', name, '--pipeline', pipeline.file], { env: env() });
      return { name, service, pid: () => service.pid };
    });
    const memory = new ResidentWatch(services);
    onTestFinished(() => memory.stop());
    const startedAtMs = performance.now();
    const tell = (what: string): void =>
      void process.stdout.write(
        `large rows (${encoding}): ${what}, ${Math.round(performance.now() - startedAtMs)} ms, ${String(memory)}\n`,
      );
    const arrived = async (what: string): Promise<void> => {
      await waitFor(
        what,
        async () => {
          for (const { service } of services) if (!service.running) throw new Error(service.output);
          const [a, b] = [await sums(sourceUrl), await sums(targetUrl)];
          return a.length > 0 && JSON.stringify(a) === JSON.stringify(b);
        },
        { timeoutMs: 180_000, everyMs: 500 },
      );
      tell(what);
    };
    await arrived('the copied row');
    await queryPostgres(sourceUrl, `INSERT INTO public.large VALUES (1, 1, ${value(200)})`);
    await arrived('the inserted row');
    await queryPostgres(sourceUrl, `UPDATE public.large SET v = ${value(200)} WHERE id = 0`);
    await arrived('the updated row');
    await queryPostgres(
      sourceUrl,
      `INSERT INTO public.large SELECT g, g, ${value(50)} FROM generate_series(100, 119) g`,
    );
    await arrived('twenty rows');
    for (const { service } of services) service.kill('SIGTERM');
    for (const { service } of services) expect((await service.exited).code).toBe(0);
    expect(memory.most(() => true)).toBeLessThan(1_600 * MIB);
  },
);
