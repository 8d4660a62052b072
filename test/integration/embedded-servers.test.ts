import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'nats';
import { afterAll, expect, test } from 'vitest';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';
import { startPostgres, type PostgresServer } from '../../infra/postgres/postgres-server.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const servers: (PostgresServer | NatsServerProcess)[] = [];
const keep = <T extends PostgresServer | NatsServerProcess>(server: T): T => {
  servers.push(server);
  return server;
};

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

test('two PostgreSQL servers and a NATS server start at once and keep their data through a kill', async () => {
  const [source, target, nats] = await Promise.all([
    startPostgres().then(keep),
    startPostgres({ password: "p'w @", settings: { max_connections: '33' } }).then(keep),
    startNats().then(keep),
  ]);
  await queryPostgres(
    source.url,
    `CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, E'a\\tb'), (2, NULL)`,
  );
  await queryPostgres(target.url, 'CREATE TABLE t AS SELECT 7 AS id');
  await storeMessage(nats.url);

  await Promise.all([source.kill('SIGKILL'), target.kill('SIGKILL'), nats.kill('SIGKILL')]);
  await expect(queryPostgres(source.url, 'SELECT 1')).rejects.toThrow();
  const ports = [source.port, target.port, nats.port];
  await Promise.all([source.restart(), target.restart(), nats.restart()]);

  expect([source.port, target.port, nats.port]).toEqual(ports);
  expect(await dumpTable(source.url, 't')).toEqual(['1\ta\\tb', '2\t\\N']);
  expect(await dumpTable(target.url, 't')).toEqual(['7']);
  expect(await messagesIn(nats.url)).toEqual([1]);
  expect(await queryPostgres(target.url, 'SHOW max_connections')).toEqual([
    { max_connections: '33' },
  ]);
  expect(await queryPostgres(target.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  const wrong = target.url.replace(/:[^:@]*@/, ':wrong@');
  await expect(queryPostgres(wrong, 'SELECT 1')).rejects.toThrow(/password/);
});

test('a NATS server that is wiped comes back on its port without a stream', async () => {
  const nats = keep(await startNats());
  await storeMessage(nats.url);
  const url = nats.url;
  await nats.wipe();
  expect(nats.url).toBe(url);
  expect(await messagesIn(nats.url)).toEqual([]);
});

test('a stopped server leaves neither its process nor its directory behind', async () => {
  const postgres = await startPostgres();
  const nats = await startNats();
  const pids = [postgres.pid, nats.pid];
  expect(pids.every(isAlive)).toBe(true);
  await Promise.all([postgres.stop(), nats.stop()]);
  expect(pids.some(isAlive)).toBe(false);
  expect(existsSync(path.dirname(postgres.dataDirectory))).toBe(false);
  expect(existsSync(path.dirname(nats.storeDirectory))).toBe(false);
});

test('servers end and their directories go when the process that started them is killed', async () => {
  const script = `
    const root = process.argv[1];
    const { startNats } = await import(root + '/services/supervisor/embedded/nats-server.js');
    const { startPostgres } = await import(root + '/infra/postgres/postgres-server.js');
    const [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
    console.log(JSON.stringify({ pids: [nats.pid, postgres.pid], directories: [nats.storeDirectory, postgres.dataDirectory] }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(
    process.execPath,
    ['--input-type=module', '-e', script, path.join(projectRoot(), 'dist')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  parent.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  await waitFor('the start of both servers', () => printed.includes('\n'));
  const { pids, directories } = JSON.parse(printed) as { pids: number[]; directories: string[] };
  expect(pids.every(isAlive)).toBe(true);
  parent.kill('SIGKILL');
  await waitFor('the removal of both directories', () =>
    directories.every((name) => !existsSync(name)),
  );
  await waitFor('the end of both servers', () => !pids.some(isAlive));
});

async function storeMessage(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'KEPT', subjects: ['kept'] });
  await connection.jetstream().publish('kept', 'one');
  await connection.close();
}

async function messagesIn(url: string): Promise<number[]> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  const streams = await manager.streams.list().next();
  await connection.close();
  return streams.map((stream) => stream.state.messages);
}

/** A process that has ended but that nobody has waited for yet is not alive, though its number is taken. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  if (existsSync('/proc/self/status')) {
    return existsSync(status) && !/^State:\s*Z/m.test(readFileSync(status, 'utf8'));
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
