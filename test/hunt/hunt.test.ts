import { afterAll, beforeAll, expect, test } from 'vitest';
import { hunt } from './hunt.ts';
import { findPgDump } from './judge/pg-dump.ts';
import { startHuntServers, type HuntServers } from './play/hunt-servers.ts';

/** The same ones each time, so that a failure is of what changed; as many as there is time for. */
const SEEDS = [8058, 8068, 8087, 8099, 8097, 8013, 8039, 8051, 8046, 8057, 8098];
const FOR_MS = 60_000;
let servers: HuntServers;

beforeAll(async () => {
  servers = await startHuntServers();
});
afterAll(async () => {
  await servers.stop();
});

test('a random database arrives as it is, or is refused with its reason', async () => {
  if (findPgDump() === undefined) {
    process.stderr.write('left out: random databases (this machine has no pg_dump)\n');
    return;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const summary = await hunt(servers, { seeds: SEEDS, forMs: FOR_MS, shrinkMs: 0, say });
  say(String(summary));
  expect(summary.failed).toBe(0);
  expect(summary.equal).toBeGreaterThan(0);
});
