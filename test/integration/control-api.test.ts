import { mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { beginControl } from '../../services/cli/control/begin-control.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import type { EventAnswer, Verification } from '../../services/control/api/answers.ts';
import { createToken, Tokens } from '../../services/control/access/tokens.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import type { ListenAddress } from '../../shared/metrics/listen-address.ts';
import { createLogger } from '../../shared/logging/logger.ts';
import { ControlClient } from '../support/control-client.ts';
import { scrape, valueOf } from '../support/scrape.ts';
import { EventStream } from '../support/event-stream.ts';
import { useNats } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const nats = useNats();
const SECRET = 'hunter2-in-the-url';
const FILE = (name: string) => `
name: ${name}
source: { url: "postgres://u:${SECRET}@127.0.0.1:1/a" }
target: { url: "postgres://u:${SECRET}@127.0.0.1:1/b" }
`;

async function startTestControl(
  options: { tokens?: string; state?: string; host?: string; metrics?: ListenAddress } = {},
) {
  const state = options.state ?? (await mkdtemp(path.join(tmpdir(), 'weir-control-')));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const hub = await connectHub({ url: nats.url, name: 'test/control' });
  onTestFinished(() => hub.close());
  const control = await beginControl({
    hub,
    natsUrl: nats.url,
    access: {
      listen: { host: options.host ?? '127.0.0.1', port: 0 },
      tokens: Tokens.parse(options.tokens ?? ''),
    },
    log: createLogger({ service: 'control', level: 'silent' }),
    state,
    files: [],
    metricsListen: options.metrics ?? null,
  });
  onTestFinished(() => control.stop());
  return { control, state, client: new ControlClient(control.url) };
}

/** With headers that `fetch` keeps to itself. */
function statusWith(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

it('every operation that is answered is in the OpenAPI description, and the other way round', async () => {
  const { control, client } = await startTestControl();
  const described = await client.get<{
    paths: Record<string, Record<string, { operationId: string; responses: object }>>;
  }>('/openapi.json');
  const listed = Object.entries(described.paths).flatMap(([url, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${url}`),
  );
  const files = /^GET \/(healthz|[\w-]+\.(js|css|svg))?$/;
  expect(listed.sort()).toEqual(control.operations.filter((each) => !files.test(each)).sort());
  const ids = Object.values(described.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  // Every reference leads somewhere.
  const text = JSON.stringify(described);
  const { components } = described as unknown as { components: { schemas: object } };
  for (const [, id] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(components.schemas).toHaveProperty(id!);
  expect(text).not.toContain('"$schema"');
});

it('keeps the file of a pipeline for its owner only, shows no secret of it, and forgets it when told', async () => {
  const { client, state } = await startTestControl();
  const made = await client.send('POST', '/v1/pipelines', FILE('kept'));
  const shown = await made.text();
  expect(made.status).toBe(201);
  expect(shown).not.toContain(SECRET);
  expect(JSON.parse(shown)).toMatchObject({
    name: 'kept',
    state: 'created',
    origin: 'created',
    asOf: null,
    lagMs: null,
    spec: { source: 'postgres://127.0.0.1:1/a', mode: 'snapshot+changes' },
    allowed: { start: null, pause: 'none of its services runs; start it first' },
  });
  const file = path.join(state, 'pipelines', 'kept.yaml');
  expect((await stat(file)).mode & 0o077).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(FILE('kept'));

  for (const url of [
    '/v1/pipelines',
    '/v1/pipelines/kept',
    '/v1/events',
    '/v1/pipelines/kept/events',
  ])
    expect(JSON.stringify(await client.get(url))).not.toContain(SECRET);
  const check = await client.send('POST', '/v1/checks', FILE('kept'));
  expect(await check.text()).not.toContain(SECRET);

  expect(await client.problem('POST', '/v1/pipelines', FILE('kept'))).toMatchObject({ status: 409, code: 'STATE_CONFLICT' }); // prettier-ignore
  expect(await client.problem('POST', '/v1/pipelines/kept/pause')).toMatchObject({ status: 409 });
  // Nothing answers at its databases, so it cannot be reset; but it can be forgotten.
  expect(await client.problem('DELETE', '/v1/pipelines/kept')).toMatchObject({ status: 503 });
  expect((await client.send('DELETE', '/v1/pipelines/kept?forget=true')).status).toBe(204);
  expect(await client.problem('GET', '/v1/pipelines/kept')).toMatchObject({ status: 404, code: 'NOT_FOUND' }); // prettier-ignore
  expect(await readdir(path.join(state, 'pipelines'))).toEqual([]);
});

it('knows its pipelines again when it is started again', async () => {
  const first = await startTestControl();
  await first.client.send('POST', '/v1/pipelines', FILE('again'));
  await first.control.stop();
  const { client } = await startTestControl({ state: first.state });
  expect(await client.get('/v1/pipelines')).toMatchObject({ pipelines: [{ name: 'again' }] });
  const { events } = await client.get<{ events: EventAnswer[] }>('/v1/pipelines/again/events');
  expect(events.map(({ text }) => text)).toEqual(['created', expect.stringMatching(/started and watches/)]); // prettier-ignore
  expect(new Set(events.map(({ id }) => id)).size).toBe(2);
});

it('keeps what a comparison came to over a restart, and nothing of one that did not end', async () => {
  const first = await startTestControl();
  await first.client.send('POST', '/v1/pipelines', FILE('compared'));
  const at = '/v1/pipelines/compared/verifications';
  const { id } = await first.client.ask<Verification>('POST', at);
  const ended = await first.client.until<Verification>(`${at}/${id}`, 'its end', ({ state }) => state !== 'running'); // prettier-ignore
  // Nothing answers at its databases.
  expect(ended).toMatchObject({ state: 'failed', problem: expect.any(String) as string });
  await first.client.ask('POST', at);
  await first.control.stop();
  const { client } = await startTestControl({ state: first.state });
  const { verifications } = await client.get<{ verifications: Verification[] }>(at);
  expect(verifications.find((each) => each.id === id)).toEqual(ended);
  expect(verifications.filter(({ state }) => state === 'running')).toEqual([]);
  await client.send('DELETE', '/v1/pipelines/compared?forget=true');
  expect(await readdir(path.join(first.state, 'comparisons'))).toEqual([]);
});

it('goes on while its state folder refuses, says so, and notes what happened when it takes it again', async () => {
  const port = await findFreePort();
  const metrics = { host: '127.0.0.1', port };
  const { client, state } = await startTestControl({ metrics });
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  await client.send('POST', '/v1/pipelines', FILE('noted'));
  await client.ask('POST', '/v1/pipelines/noted/start');
  const folder = path.join(state, 'pipelines');
  const away = `${folder}.away`;
  await rename(folder, away);
  // Nobody may make files in a file, not even root.
  await writeFile(folder, '');
  await client.until<{ runsHere: boolean }>(
    '/v1/pipelines/noted',
    'its end',
    ({ runsHere }) => !runsHere,
  );
  const { events } = await client.get<{ events: EventAnswer[] }>('/v1/pipelines/noted/events');
  expect(events.map(({ text }) => text)).toContainEqual(expect.stringMatching(/state folder .* cannot be read or written \(ENOTDIR\)/)); // prettier-ignore
  for (const [method, url] of [
    ['POST', '/v1/pipelines'],
    ['POST', '/v1/pipelines/noted/start'],
    ['DELETE', '/v1/pipelines/noted?forget=true'],
  ] as const)
    expect(await client.problem(method, url, url.endsWith('s') ? FILE('other') : undefined), url).toMatchObject({ status: 503, code: 'STATE_REFUSED' }); // prettier-ignore
  expect(await ready()).toBe(503);
  await rm(folder);
  await rename(away, folder);
  await waitFor('control to be ready again', async () => (await ready()) === 200 || undefined);
  expect(JSON.parse(await readFile(path.join(folder, 'noted.json'), 'utf8'))).toEqual({ runsHere: false }); // prettier-ignore
  expect((await client.send('POST', '/v1/pipelines', FILE('other'))).status).toBe(201);
});

it('tells Prometheus of itself, whether it is ready, and where its services are', async () => {
  const port = await findFreePort();
  const { client } = await startTestControl({ metrics: { host: '127.0.0.1', port } });
  await client.send('POST', '/v1/pipelines', FILE('seen'));
  await client.send('GET', '/v1/pipelines/nobody');
  const samples = await scrape(port);
  expect(valueOf(samples, 'weir_control_pipelines', { state: 'created' })).toBe(1);
  expect(valueOf(samples, 'weir_control_requests_total', { status: '2xx' })).toBe(1);
  expect(valueOf(samples, 'weir_control_requests_total', { status: '4xx' })).toBe(1);
  expect(valueOf(samples, 'weir_control_runs')).toBe(0);
  expect(valueOf(samples, 'weir_service_ready', { service: 'control' })).toBe(1);
  expect(samples.filter(({ labels }) => 'pipeline' in labels)).toEqual([]);
  const answer = (url: string) => fetch(`http://127.0.0.1:${port}${url}`);
  expect(await (await answer('/healthz')).text()).toBe('ok\n');
  expect((await answer('/readyz')).status).toBe(200);
  // None of its services runs.
  expect(await (await answer('/targets')).json()).toEqual([]);
});

it('says what is wrong in a file, in a request, and in a path', async () => {
  const { client } = await startTestControl();
  const wrong = await client.send('POST', '/v1/pipelines', 'name: UPPER\nsource: {}\n');
  expect(wrong.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(await wrong.json()).toMatchObject({
    status: 422,
    code: 'CONFIG_INVALID',
    detail: expect.stringMatching(/the file:1: name must be[^]*source\.url is missing/) as string,
  });
  const cases: [string, string, (string | object)?][] = [
    ['GET', '/v1/pipelines/UPPER'],
    ['GET', '/v1/events?limit=0'],
    ['GET', '/v1/events?limt=5'],
    ['POST', '/v1/pipelines/a/parked/replay', { ids: [] }],
    ['POST', '/v1/pipelines/a/parked/replay', { ids: [1], all: true }],
  ];
  for (const [method, url, body] of cases)
    expect(await client.problem(method, url, body), url).toMatchObject({ status: 400, code: 'REQUEST_INVALID' }); // prettier-ignore
  expect(await client.problem('GET', '/v2/nothing')).toMatchObject({ status: 404 });
  const broken = await client.send('POST', '/v1/pipelines/a/parked/replay', undefined, {
    'content-type': 'application/json',
  });
  expect(broken.status).toBe(400);
  const form = await fetch(`${client.url}/v1/pipelines`, { method: 'POST', body: FILE('form') });
  expect(form.status).toBe(415);
});

it('takes no request that is too large', async () => {
  const { client } = await startTestControl();
  const large = await client.send('POST', '/v1/pipelines', `# ${'x'.repeat(300 * 1024)}`);
  expect(large.status).toBe(413);
  expect(await large.json()).toMatchObject({ code: 'REQUEST_INVALID' });
});

it('lets in only those who show a token, by plain text or hash, and says who did what', async () => {
  const ann = await createToken('ann');
  const bob = 'a-plain-token-of-bob';
  const { control, client } = await startTestControl({ tokens: `${ann.line}\nbob:${bob}` });
  for (const headers of [
    {},
    { authorization: 'Bearer wrong-wrong-wrong' },
    { authorization: `Basic ${bob}` },
  ]) {
    const refused = await client.send('GET', '/v1/pipelines', undefined, headers);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
  expect((await client.send('GET', '/v1/stream')).status).toBe(401);
  expect((await client.send('GET', '/openapi.json')).status).toBe(401);
  // The page itself holds nothing, and asks for the token.
  expect((await client.send('GET', '/')).status).toBe(200);
  const asAnn = new ControlClient(control.url, ann.token);
  const asBob = new ControlClient(control.url, bob);
  expect(await asAnn.get('/v1/control')).toMatchObject({ you: 'ann', mayCreate: true });
  expect(await asBob.get('/v1/control')).toMatchObject({ you: 'bob' });
  await asAnn.send('POST', '/v1/pipelines', FILE('hers'));
  expect(await asBob.get('/v1/pipelines/hers/events')).toMatchObject({
    events: [{ kind: 'action', text: 'created', by: 'ann' }],
  });
});

it('does not listen for others without a token, and says which address it was', async () => {
  await expect(startTestControl({ host: '0.0.0.0' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/0\.0\.0\.0:0.*weir control token/) as string,
  });
});

it('is not open to pages of other sites in a browser on the same machine', async () => {
  const { control } = await startTestControl();
  const { host, port } = new URL(control.url);
  const url = `${control.url}/v1/pipelines`;
  expect(await statusWith(url, { host })).toBe(200);
  expect(await statusWith(url, { host: `localhost:${port}` })).toBe(200);
  expect(await statusWith(url, { host: `evil.example:${port}` })).toBe(403);
  expect(await statusWith(url, { host, origin: 'http://evil.example' })).toBe(403);
  expect(await statusWith(url, { host, origin: `http://${host}` })).toBe(200);
  expect(await statusWith(`${url}/p/start`, { host, 'sec-fetch-site': 'cross-site' }, 'POST')).toBe(403); // prettier-ignore
  const page = await fetch(control.url);
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/); // prettier-ignore
  expect(page.headers.get('access-control-allow-origin')).toBeNull();
});

it('streams what happens, and whoever comes back gets what was missed', async () => {
  const { control, client } = await startTestControl();
  const stream = await EventStream.open(`${control.url}/v1/stream`);
  onTestFinished(() => stream.close());
  await client.send('POST', '/v1/pipelines', FILE('one'));
  const created = await stream.next('created', ({ data }) => data['text'] === 'created');
  await stream.next('its summary', ({ event, data }) => event === 'pipeline' && data['name'] === 'one'); // prettier-ignore
  stream.close();
  await client.send('POST', '/v1/pipelines', FILE('two'));
  const again = await EventStream.open(`${control.url}/v1/stream`, {
    'last-event-id': created.id!,
  });
  onTestFinished(() => again.close());
  await again.next('missed', ({ data, id }) => id !== undefined && data['pipeline'] === 'two');
  expect(again.events.filter(({ event }) => event === 'event')).toHaveLength(1);
  await client.send('DELETE', '/v1/pipelines/one?forget=true');
  await again.next('gone', ({ event, data }) => event === 'gone' && data['name'] === 'one');
});
