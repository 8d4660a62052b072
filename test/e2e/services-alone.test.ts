import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { dumpTable } from '../support/psql.ts';
import { queryPostgres, useNats, usePostgres } from '../support/servers.ts';
import { scrape, valueOf } from '../support/scrape.ts';
import { waitFor } from '../support/wait-for.ts';
import { useWeir, type WeirProcess } from '../support/weir-process.ts';

/** What docker-compose.yml starts, as plain processes: its pipeline file, its tables, its commands, its health check. */
const source = usePostgres();
const target = usePostgres();
const nats = useNats();
const weir = useWeir();
const example = path.join(projectRoot(), 'infra', 'example');
const TABLES = ['customers', 'orders', 'items'];

test('the services of the example move it, count it, say that they are ready, and end in order', async () => {
  const [sourceUrl, targetUrl] = [await source.createDatabase(), await target.createDatabase()];
  await queryPostgres(sourceUrl, await readFile(path.join(example, 'shop.sql'), 'utf8'));
  const file = await pipelineFile(sourceUrl, targetUrl);
  const env = { WEIR_NATS_URL: nats.url, SOURCE_PASSWORD: 'trial', TARGET_PASSWORD: 'trial' };
  let port = await findFreePort();
  const ports = new Map<WeirProcess, number>();
  const start = (name: string): WeirProcess => {
    const args = ['service', name, '--pipeline', file, '--metrics-listen', String(++port)];
    const service = weir.start(args, { env });
    ports.set(service, port);
    return service;
  };
  const services = ['source-reader', 'target-writer', 'target-writer'].map(start);

  const equal = async (): Promise<boolean> => {
    for (const table of TABLES) {
      const [left, right] = [await dumpTable(sourceUrl, table), await dumpTable(targetUrl, table)];
      if (left.join('\n') !== right.join('\n')) return false;
    }
    return true;
  };
  await waitFor('the copy of the example', equal, { timeoutMs: 90_000, everyMs: 1000 });
  await queryPostgres(
    sourceUrl,
    `UPDATE orders SET state = 'sent'; DELETE FROM items WHERE line = 2; INSERT INTO customers (name, email) VALUES ('ç', 'new@example.com')`,
  );
  await waitFor('the changes at the target', equal, { timeoutMs: 60_000, everyMs: 500 });

  const healthOf = (service?: WeirProcess) => health(ports.get(service!)!);
  for (const service of services) expect(await healthOf(service)).toBe('ready');
  const [reader, writer, other] = services;
  await waitFor('the first look at what the source keeps', async () =>
    (await scrape(ports.get(reader!)!)).some(({ name }) => name === 'weir_source_retained_bytes'),
  );
  const [read, ...written] = await Promise.all(services.map((each) => scrape(ports.get(each)!)));
  const changes = { inserts: 1, updates: 20_000, deletes: 20_000 };
  for (const [kind, count] of Object.entries(changes)) {
    expect(valueOf(read!, 'weir_reader_changes_total', { kind })).toBe(count);
    expect(valueOf(written.flat(), 'weir_writer_changes_total', { kind })).toBe(count);
  }
  expect(valueOf(written.flat(), 'weir_writer_rows_copied_total')).toBe(70_000);
  expect(valueOf(written.flat(), 'weir_writer_lanes')).toBe(4);
  expect(valueOf(written.flat(), 'weir_writer_lag_seconds_count')).toBeGreaterThan(0);
  expect(valueOf(read!, 'weir_reader_phase', { phase: 'streaming' })).toBe(1);
  expect(valueOf(read!, 'weir_source_retained_bytes')).toBeGreaterThanOrEqual(0);
  expect(valueOf(read!, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  other?.kill('SIGSTOP');
  expect(await healthOf(other)).toContain('did not answer');
  other?.kill('SIGKILL');
  expect((await writer?.stop())?.code).toBe(0);
  expect((await reader?.stop())?.code).toBe(0);
});

/** The example's own file; only the addresses of the databases are others. */
async function pipelineFile(sourceUrl: string, targetUrl: string): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'weir-example-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const text = await readFile(path.join(example, 'pipeline.yaml'), 'utf8');
  const moved = text
    .replace(/weir:(\$\{SOURCE_PASSWORD\})@source:5432\/shop/, addressOf(sourceUrl))
    .replace(/weir:(\$\{TARGET_PASSWORD\})@target:5432\/shop/, addressOf(targetUrl));
  expect(moved).not.toMatch(/:5432/);
  const file = path.join(directory, 'pipeline.yaml');
  await writeFile(file, moved);
  return file;
}

function addressOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres:$1@${host}${pathname}`;
}

async function health(port: number): Promise<string> {
  const check = path.join(projectRoot(), 'dist', 'infra', 'health', 'health-check.js');
  const env = { ...process.env, WEIR_METRICS_LISTEN: `0.0.0.0:${port}` };
  try {
    return (await promisify(execFile)(process.execPath, [check], { env })).stdout.trim();
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout).trim();
    throw error;
  }
}
