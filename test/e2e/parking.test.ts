import { describe, expect, it } from 'vitest';
import type { ParkedEntry } from '../../shared/connector/parking.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

const TABLE = 'CREATE TABLE public.t (id int PRIMARY KEY, n int, secret text)';

/** A pipeline whose target refuses n = 7, of which the copy brings one row. */
async function poisoned(onBadRow: 'stop' | 'park') {
  const pipeline = await createPipeline(source, target, { onBadRow, nats: { url: nats.url } });
  await queryPostgres(
    pipeline.sourceUrl,
    `${TABLE}; INSERT INTO public.t SELECT i, i % 10000, 'hush' || i FROM generate_series(1, 9000) i`,
  );
  await queryPostgres(pipeline.targetUrl, `${TABLE}; ALTER TABLE public.t ADD CONSTRAINT odd CHECK (n <> 7)`); // prettier-ignore
  return pipeline;
}

describe('a row that the target refuses', () => {
  it('stops the pipeline, in the copy and in changes, with its key and without its values', async () => {
    const pipeline = await poisoned('stop');
    const copying = await weir.run(['run', pipeline.file]);
    expect(copying.code).toBe(1);
    expect(copying.stderr).toMatch(/public\.t.*odd.*23514.*id = 7,.*came with the copy/);
    expect(copying.stderr).not.toMatch(/hush/);

    await queryPostgres(pipeline.targetUrl, 'ALTER TABLE public.t DROP CONSTRAINT odd');
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    await queryPostgres(pipeline.targetUrl, 'ALTER TABLE public.t ADD CONSTRAINT odd CHECK (n <> 9) NOT VALID'); // prettier-ignore
    await queryPostgres(pipeline.sourceUrl, 'UPDATE public.t SET n = 9 WHERE id IN (100, 101)');
    const following = await running.exited;
    expect(following.code).toBe(1);
    expect(following.stderr).toMatch(/odd.*23514.*id = 10[01], changed at source position \w{32}/);
    expect(following.stderr).not.toMatch(/hush/);
  });

  it('is parked with what follows of its key, as check says, and a replay makes both ends equal', async () => {
    const pipeline = await poisoned('park');
    const { name, sourceUrl, targetUrl } = pipeline;
    // As from another machine, which knows the broker and nothing else.
    const elsewhere = { env: { WEIR_NATS_URL: nats.url, XDG_STATE_HOME: '/nonexistent' } };
    const parked = (command: string, ...args: string[]) =>
      weir.run(['parked', command, name, ...args], elsewhere);
    const list = async () => JSON.parse((await parked('list', '--json')).stdout) as ParkedEntry[];
    const arrives = (query: string) =>
      waitFor(query, async () => (await queryPostgres(targetUrl, query)).length > 0);

    const { stdout } = await weir.run(['check', pipeline.file]);
    expect(stdout).toMatch(/no row dropped silently: .*put aside with later changes of its key/);
    const running = weir.start(['run', pipeline.file]);
    await running.waitForLine(/streaming/);
    expect(await list()).toMatchObject([
      { namespace: 'public.t', key: { id: '7' }, kind: 'upsert', copied: true },
    ]);

    await queryPostgres(sourceUrl, `UPDATE public.t SET secret = 'fresh' WHERE id = 7; UPDATE public.t SET n = 7 WHERE id = 8; DELETE FROM public.t WHERE id = 9; INSERT INTO public.t VALUES (9001, 1, 'x')`); // prettier-ignore
    await arrives('SELECT 1 FROM public.t WHERE id = 9001');
    await waitFor('three entries', async () => (await list()).length === 3);
    expect(await queryPostgres(targetUrl, 'SELECT id, n FROM public.t WHERE id BETWEEN 7 AND 9')).toEqual([{ id: 8, n: 8 }]); // prettier-ignore

    const status = await weir.run(['status', name], elsewhere);
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/3 parked: see weir parked list/);
    const text = await parked('list');
    expect(text.stdout).toMatch(/public\.t {2}id=8 {2}.*odd/);
    expect(text.stdout).not.toMatch(/hush|fresh/);
    const last = (await list()).find((entry) => entry.key?.['id'] === '8')!;
    const shown = await parked('show', String(last.id));
    expect(shown.stdout).toMatch(/secret = hush8/);

    const refused = await parked('replay', '--all');
    expect(refused.code, refused.stdout + refused.stderr).toBe(1);
    expect(refused.stdout).toMatch(/3 entries left/);
    expect((await parked('replay')).code).toBe(2);

    expect((await parked('discard', String(last.id))).stdout).toMatch(/1 entry discarded/);
    await queryPostgres(sourceUrl, 'UPDATE public.t SET n = 80 WHERE id = 8');
    await arrives('SELECT 1 FROM public.t WHERE id = 8 AND n = 80');

    await queryPostgres(targetUrl, 'ALTER TABLE public.t DROP CONSTRAINT odd');
    const replayed = await parked('replay', '--namespace', 'public.t');
    expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
    expect((await parked('list')).stdout).toMatch(/nothing is parked/);
    const verified = await weir.run(['verify', pipeline.file, '--settle', '1']);
    expect(verified.code, verified.stdout).toBe(0);
    expect(await dumpTable(targetUrl, 'public.t WHERE id = 7')).toEqual(['7\t7\tfresh']);
    expect((await weir.run(['status', name], elsewhere)).code).toBe(0);
    expect((await running.stop()).code).toBe(0);
  });
});
