import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type {
  BalanceAnswer,
  EventAnswer,
  HistoryAnswer,
  LanesAnswer,
  ParkedAnswer,
  ParkedRowAnswer,
  Pipeline,
  Summary,
  Verification,
} from '../../services/control/api/answers.ts';
import { EventStream } from '../support/event-stream.ts';
import { ControlClient } from '../support/control-client.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { countRows, createPipeline } from '../support/shop-pipeline.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir, type WeirProcess } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();

/** Several pipelines share the broker. */
const SMALL = { WEIR_LANE_MIB: '16' };

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'weir-control-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function startControl(state: string, files: string[] = []) {
  const env = { WEIR_NATS_URL: nats.url, XDG_STATE_HOME: state, ...SMALL };
  const args = ['control', ...files, '--listen', '0', '--state', state];
  const process = weir.start(args, { env });
  return { process, client: await clientOf(process) };
}

async function clientOf(process: WeirProcess): Promise<ControlClient> {
  const line = await process.waitForLine(/control: http:/);
  return new ControlClient(/http:\S+/.exec(line)![0]);
}

const TABLE = 'CREATE TABLE public.t (id int PRIMARY KEY, n int)';

async function filled(more: object = {}) {
  const pipeline = await createPipeline(source, target, { ...more });
  const { sourceUrl } = pipeline;
  await queryPostgres(
    sourceUrl,
    `${TABLE}; INSERT INTO public.t SELECT i, i FROM generate_series(1, 1000) i`,
  );
  return { ...pipeline, text: await readFile(pipeline.file, 'utf8') };
}

it('runs a pipeline from its creation to its deletion, and goes on with it after a restart of its own', async () => {
  const { name, text, sourceUrl, targetUrl } = await filled();
  const state = await folder();
  const first = await startControl(state);
  const at = `/v1/pipelines/${name}`;
  const stream = await EventStream.open(`${first.client.url}/v1/stream`);
  onTestFinished(() => stream.close());
  const check = await first.client.ask<{ fit: boolean }>('POST', '/v1/checks', text);
  expect(check).toMatchObject({ fit: true, pipeline: name });
  await first.client.ask('POST', '/v1/pipelines?start=true', text);
  const following = await first.client.until<Pipeline>(at, 'that it follows', ({ state }) =>
    ['following', 'idle'].includes(state),
  );
  expect(following).toMatchObject({
    runsHere: true,
    stale: false,
    copy: { rowsDone: 1000, namespacesReady: 1 },
    parked: 0,
    allowed: { pause: null, start: 'it runs already' },
  });
  expect(following.services.map(({ service }) => service)).toEqual([
    'source-reader',
    'stats',
    'target-writer',
  ]);

  await queryPostgres(sourceUrl, 'UPDATE public.t SET n = -n WHERE id <= 10');
  const counts = await first.client.until<BalanceAnswer>(
    `${at}/counts`,
    'that ten updates are applied',
    ({ applied, inFlight }) => applied?.updates === 10 && inFlight === 0,
  );
  expect(counts).toMatchObject({
    difference: null,
    read: { updates: 10 },
    namespaces: [{ namespace: 'public.t', settled: { updates: 10 }, rowsDone: 1000 }],
  });
  const { lanes } = await first.client.until<LanesAnswer>(
    `${at}/lanes`,
    'that every lane has an owner and a lag',
    ({ lanes }) => lanes.every(({ owner, lagMs }) => owner !== null && lagMs !== null),
  );
  expect(lanes).toHaveLength(4);
  await first.client.until<HistoryAnswer>(`${at}/history`, 'a lag over time', ({ samples }) =>
    samples.some(({ lagMs }) => lagMs !== null),
  );

  const begun = await first.client.ask<Verification>('POST', `${at}/verifications?settle=1`);
  const verified = await first.client.until<Verification>(
    `${at}/verifications/${begun.id}`,
    'the end of the comparison',
    ({ state }) => state !== 'running',
  );
  expect(verified).toMatchObject({ state: 'equal', rows: 1000, problem: null });

  // A client that hears nothing for longer than this may take the connection for dead.
  await waitFor('signs of life in the stream', () => stream.comments > 0, { timeoutMs: 60_000 });
  const { events } = await first.client.get<{ events: EventAnswer[] }>(`${at}/events`);
  stream.close();
  expect((await first.process.stop()).code).toBe(0);
  const second = await startControl(state);
  await second.client.until<Pipeline>(at, 'that it follows again', ({ state }) =>
    ['following', 'idle'].includes(state),
  );

  const again = await second.client.get<{ events: EventAnswer[] }>(`${at}/events`);
  expect(again.events.slice(0, events.length)).toEqual(events);
  const { verifications } = await second.client.get<{ verifications: Verification[] }>(`${at}/verifications`); // prettier-ignore
  expect(verifications).toEqual([verified]);
  // What flowed before nobody here has seen: a chart begins when there is something to draw.
  const { samples } = await second.client.get<HistoryAnswer>(`${at}/history`);
  expect(samples[0]).toMatchObject({ lagMs: null, inFlight: null, appliedPerSecond: null });

  await second.client.ask('POST', `${at}/pause`);
  await second.client.until<Pipeline>(at, 'that it is paused', ({ state }) => state === 'paused');
  await queryPostgres(sourceUrl, 'INSERT INTO public.t VALUES (2000, 1)');
  await second.client.ask('POST', `${at}/resume`);
  const arrived = () => countRows(targetUrl, 'SELECT count(*) FROM public.t WHERE id = 2000');
  await waitFor('the row', async () => (await arrived()) === 1);

  const stopped = await second.client.ask<Pipeline>('POST', `${at}/stop`);
  expect(stopped).toMatchObject({ state: 'stopped', runsHere: false, services: [] });
  await queryPostgres(sourceUrl, 'INSERT INTO public.t VALUES (2001, 1)');
  await second.client.ask('POST', `${at}/start`);
  const second1 = () => countRows(targetUrl, 'SELECT count(*) FROM public.t WHERE id = 2001');
  await waitFor('the row after the stop', async () => (await second1()) === 1);
  expect(await second.client.problem('DELETE', at)).toMatchObject({ status: 409 });
  await second.client.ask('POST', `${at}/stop`);
  await second.client.ask('DELETE', at);
  expect(await queryPostgres(sourceUrl, 'SELECT 1 FROM pg_replication_slots WHERE database = current_database()')).toEqual([]); // prettier-ignore
  expect(await second.client.get('/v1/pipelines')).toEqual({ pipelines: [] });
});

it('shows and steers a pipeline that runs elsewhere, and looks after its parked rows', async () => {
  const more = { onBadRow: 'park', nats: { url: nats.url } };
  const { name, file, sourceUrl, targetUrl } = await filled(more);
  await queryPostgres(
    targetUrl,
    `${TABLE}; ALTER TABLE public.t ADD CONSTRAINT odd CHECK (n <> 7)`,
  );
  const running = weir.start(['run', file], { env: SMALL });
  await running.waitForLine(/streaming/);
  const { client } = await startControl(await folder(), [file]);
  const at = `/v1/pipelines/${name}`;
  const shown = await client.until<Summary>(at, 'its parked row', ({ parked }) => parked !== null);
  expect(shown).toMatchObject({ runsHere: false, origin: 'file' });
  const { entries } = await client.get<ParkedAnswer>(`${at}/parked`);
  expect(entries).toMatchObject([{ key: { id: '7' }, copied: true }]);
  const row = await client.get<ParkedRowAnswer>(`${at}/parked/${entries[0]!.id}`);
  expect(row.values).toEqual({ id: '7', n: '7' });
  expect(await client.problem('GET', `${at}/parked/999999`)).toMatchObject({ status: 404 });

  await queryPostgres(sourceUrl, 'UPDATE public.t SET n = 7 WHERE id = 8');
  await client.until<ParkedAnswer>(`${at}/parked`, 'two entries', (now) => now.entries.length === 2); // prettier-ignore
  const refused = await client.ask('POST', `${at}/parked/replay`, { all: true });
  expect(refused).toEqual({ replayed: 0, left: 2 });
  await queryPostgres(targetUrl, 'ALTER TABLE public.t DROP CONSTRAINT odd');
  const replayed = await client.ask('POST', `${at}/parked/replay`, { ids: [entries[0]!.id] });
  expect(replayed).toEqual({ replayed: 1, left: 0 });
  const discarded = await client.ask('POST', `${at}/parked/discard`, { namespace: 'public.t' });
  expect(discarded).toEqual({ discarded: 1 });
  const begun = await client.ask<Verification>('POST', `${at}/verifications?settle=1`);
  const verified = await client.until<Verification>(
    `${at}/verifications/${begun.id}`,
    'the end of the comparison',
    ({ state }) => state !== 'running',
  );
  expect(verified).toMatchObject({ state: 'different', namespaces: [{ differences: [{ key: expect.stringContaining('8') as string }] }] }); // prettier-ignore

  await client.ask('POST', `${at}/stop`);
  const ended = await running.exited;
  expect(ended.stdout).toMatch(/stopped, as requested/);
});

it('is there beside `weir run`, which ends when it is asked to stop', async () => {
  const { name, file } = await filled();
  const running = weir.start(['run', file, '--listen', '0'], { env: SMALL });
  const client = await clientOf(running);
  const at = `/v1/pipelines/${name}`;
  await client.until<Summary>(at, 'that it runs', ({ readers, writers }) => readers + writers > 1);
  expect(await client.problem('POST', '/v1/pipelines', 'name: another')).toMatchObject({
    status: 422,
    code: 'NOT_SUPPORTED',
  });
  await client.until<Summary>(at, 'that it follows', ({ state }) => ['following', 'idle'].includes(state)); // prettier-ignore
  await client.ask('POST', `${at}/stop`);
  expect((await running.exited).code).toBe(0);
});

it('says why the services of a pipeline have ended', async () => {
  const { name, text, sourceUrl } = await filled();
  const { client } = await startControl(await folder());
  const at = `/v1/pipelines/${name}`;
  await client.ask('POST', '/v1/pipelines?start=true', text);
  await client.until<Summary>(at, 'that it follows', ({ copy }) => copy?.namespacesReady === 1);
  await queryPostgres(sourceUrl, 'ALTER TABLE public.t ALTER COLUMN n TYPE text; INSERT INTO public.t VALUES (5000, 1)'); // prettier-ignore
  const failed = await client.until<Summary>(at, 'its failure', (now) => now.state === 'failed' && !now.runsHere); // prettier-ignore
  expect(failed.reason).toMatch(/public\.t/);
  expect(failed.allowed.start).toBeNull();
  expect(failed.asOf).toBeNull();
});
