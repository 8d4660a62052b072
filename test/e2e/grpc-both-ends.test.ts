import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { createAuthority } from '../support/certificates.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { availableValueTables } from '../support/value-rounds.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir, type WeirProcess } from '../support/weir-process.ts';
import type { ValueTable } from '../integration/value-tables.ts';

const weir = useWeir();
const source = usePostgres();
const target = useTargetPostgres();

const ROWS = 12;
const MANY = 6_000;

/** A column for each type; the keys of the rows have two columns. */
async function createTypes(url: string, types: readonly ValueTable[]): Promise<void> {
  for (const { types: made, extension } of types) {
    if (extension !== undefined) await queryPostgres(url, `CREATE EXTENSION ${extension}`);
    if (made !== undefined) await queryPostgres(url, made);
  }
  const columns = types.map(({ name, type }) => `${name} ${type}`).join(', ');
  await queryPostgres(
    url,
    `CREATE TABLE types (id int, "Part" text, ${columns}, PRIMARY KEY ("Part", id));
     CREATE TABLE many (id bigint PRIMARY KEY, filler text, n numeric)`,
  );
}

function insertTypes(types: readonly ValueTable[], round: string): string {
  return Array.from({ length: ROWS }, (_, i) => {
    const values = types.map(({ values, type }) => `(${values[i % values.length]})::${type}`);
    return `INSERT INTO types VALUES (${i}, '${round}', ${values.join(', ')});`;
  }).join('\n');
}

it('PostgreSQL served at both ends over TLS with certificates and tokens: values of all types are copied and followed as documents, servers and reader killed in the middle, and both are equal', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-both-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sourceUrl = await source.createDatabase();
  const targetUrl = await target.createDatabase();
  const types = await availableValueTables(sourceUrl, targetUrl);
  for (const url of [sourceUrl, targetUrl]) await createTypes(url, types);
  await queryPostgres(
    sourceUrl,
    `${insertTypes(types, 'copied')}; INSERT INTO many SELECT i, repeat(md5(i::text), 40), i / 8.0 FROM generate_series(1, ${MANY}) i`,
  );

  const authority = await createAuthority();
  const server = await authority.issue('server');
  const clients = await createAuthority();
  const client = await clients.issue('weir');
  const env = { WEIR_TEST_TOKEN: 'both-ends', WEIR_STATE_DIR: path.join(folder, 'state') };
  const serve = async (url: string, name: string, port: number): Promise<WeirProcess> => {
    const access = ['--tls-cert', server.cert, '--tls-key', server.key, '--tls-client-ca'];
    const token = ['--token-env', 'WEIR_TEST_TOKEN'];
    const listen = ['--listen', `127.0.0.1:${port}`, '--name', name];
    const command = ['connector', 'serve', url, ...listen, ...access, clients.ca, ...token];
    const serving = weir.start(command, { env });
    await serving.waitForLine(/^serving postgres: at grpcs:/);
    return serving;
  };
  const ports = [await findFreePort(), await findFreePort()] as const;
  const end = (port: number): { url: string } => ({
    url: `grpcs://localhost:${port}?ca=${authority.ca}&cert=${client.cert}&key=${client.key}&tokenEnv=WEIR_TEST_TOKEN`,
  });
  const reading = `both-${process.pid}`;
  const fromSource = () => serve(sourceUrl, reading, ports[0]);
  const toTarget = () => serve(targetUrl, 'served', ports[1]);
  let [from, to] = [await fromSource(), await toTarget()];
  const file = path.join(folder, 'pipeline.yaml');
  const pipeline = { name: reading, source: end(ports[0]), target: end(ports[1]), lanes: 2 };
  await writeFile(file, JSON.stringify(pipeline));

  const count = async (where: string): Promise<number> =>
    Number((await queryPostgres(targetUrl, `SELECT count(*) AS n FROM many ${where}`))[0]?.['n']);
  const first = weir.start(['run', file], { env });
  await waitFor('some rows are in', async () => (await count('')) > 0);
  from.kill('SIGKILL');
  await from.exited;
  first.kill('SIGKILL');
  await first.exited;
  from = await fromSource();

  const second = weir.start(['run', file], { env });
  await waitFor('the copy is in', async () => (await count('')) === MANY, { timeoutMs: 90_000 });
  await queryPostgres(
    sourceUrl,
    `${insertTypes(types, 'followed')}; UPDATE many SET n = -id WHERE id % 3 = 0`,
  );
  await waitFor('some changes are in', async () => (await count('WHERE n < 0')) > 0);
  from.kill('SIGKILL');
  to.kill('SIGKILL');
  await Promise.all([from.exited, to.exited]);
  const [one] = types;
  const rest = types.slice(1).map(({ name }) => name);
  await queryPostgres(
    sourceUrl,
    `UPDATE types t SET (${rest.join(', ')}) = (SELECT ${rest.map((name) => `o.${name}`).join(', ')} FROM types o WHERE o."Part" = t."Part" AND o.id = (t.id + 1) % ${ROWS});
     UPDATE types SET "Part" = 'moved', ${one!.name} = NULL WHERE id = 5 AND "Part" = 'copied';
     DELETE FROM types WHERE id = 7; DELETE FROM many WHERE id % 11 = 0;
     INSERT INTO many SELECT i, NULL, 'NaN' FROM generate_series(${MANY + 1}, ${MANY + 300}) i`,
  );
  [from, to] = [await fromSource(), await toTarget()];
  await waitFor('more changes are in', async () => (await count('WHERE id % 11 = 0')) < MANY / 11, {
    timeoutMs: 60_000,
  });
  second.kill('SIGKILL');
  await second.exited;
  const last = await weir.run(['run', file, '--until', 'caught-up'], { env });
  expect(last.code, last.stderr).toBe(0);
  for (const table of ['types', 'many'])
    expect(await dumpTable(targetUrl, table), table).toEqual(await dumpTable(sourceUrl, table));
  expect(await count('')).toBeGreaterThan(MANY * 0.9);
});
