import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MetricsPorts } from '../../services/cli/control/metrics-ports.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { EventFile } from '../../services/control/event-file.ts';
import { EventLog } from '../../services/control/event-log.ts';
import { createLogger } from '../../shared/logging/logger.ts';
const log = createLogger({ service: 'control', level: 'silent' });

function newFile(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-events-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'events.jsonl');
}

const add = (events: EventLog, text: string) =>
  events.add({ pipeline: 'p', kind: 'state', level: 'info', text });

it('what happened before a restart is known after it, under the same ids', () => {
  const file = newFile();
  const first = new EventLog(new EventFile(file, log));
  for (const text of ['one', 'two']) add(first, text);
  const seen = first.latest(null, 10);
  const second = new EventLog(new EventFile(file, log));
  expect(second.latest(null, 10)).toEqual(seen);
  add(second, 'three');
  expect(second.since(seen[0]!.id).map(({ text }) => text)).toEqual(['two', 'three']);
  expect(new Set(second.latest(null, 10).map(({ id }) => id)).size).toBe(3);
  expect(statSync(file).mode & 0o077).toBe(0);
});

it('a line that was cut off takes no other with it', () => {
  const file = newFile();
  add(new EventLog(new EventFile(file, log)), 'whole');
  appendFileSync(file, '{"id":"a-2","text":"cut o');
  add(new EventLog(new EventFile(file, log)), 'behind it');
  const texts = new EventLog(new EventFile(file, log)).latest(null, 10).map(({ text }) => text);
  expect(texts).toEqual(['whole', 'behind it']);
});

it('grows to a limit and no further, and keeps the latest', () => {
  const file = newFile();
  const events = new EventLog(new EventFile(file, log));
  for (let n = 0; n < 4_500; n++) add(events, String(n));
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThanOrEqual(2_001);
  expect(new EventLog(new EventFile(file, log)).latest(null, 1)[0]?.text).toBe('4499');
});

it('where the file cannot be written, events are told all the same', () => {
  const events = new EventLog(new EventFile('/nowhere/at/all/events.jsonl', log));
  add(events, 'told');
  expect(events.latest(null, 1)[0]?.text).toBe('told');
});

it('gives each pipeline a row of free ports behind its own, and lists them for Prometheus', async () => {
  const port = await findFreePort();
  const ports = new MetricsPorts({ host: '127.0.0.1', port });
  const first = await ports.take(3);
  const second = await ports.take(2);
  expect(second!.port).toBeGreaterThanOrEqual(first!.port + 3);
  const at = (row: number, count: number) => Array.from({ length: count }, (_, i) => `127.0.0.1:${row + i}`); // prettier-ignore
  expect(ports.targets('whoever:1')).toEqual([
    { targets: [...at(first!.port, 3), ...at(second!.port, 2)], labels: {} },
  ]);
  ports.release(first!);
  expect(ports.targets(undefined)).toEqual([{ targets: at(second!.port, 2), labels: {} }]);
  ports.release(second!);
  expect(ports.targets(undefined)).toEqual([]);
});

it('leaves out ports that somebody else has', async () => {
  const own = await findFreePort();
  const other = createServer();
  onTestFinished(() => void other.close());
  await new Promise<void>((resolve) => other.listen(own + 2, '127.0.0.1', resolve));
  const row = await new MetricsPorts({ host: '127.0.0.1', port: own }).take(2);
  expect(row!.port).toBeGreaterThan(own + 2);
});

it('names itself as it was asked where it listens on every address', async () => {
  const ports = new MetricsPorts({ host: '0.0.0.0', port: await findFreePort() });
  const row = await ports.take(1);
  expect(ports.targets('control:9464')).toEqual([{ targets: [`control:${row!.port}`], labels: {} }]); // prettier-ignore
  expect(ports.targets('[fe80::1]:9464')).toEqual([{ targets: [`[fe80::1]:${row!.port}`], labels: {} }]); // prettier-ignore
  expect(ports.targets('no"host')).toEqual([]);
});
