import { afterAll, beforeAll, expect, test } from 'vitest';
import { hunt } from './hunt.ts';
import { findPgDump } from './judge/pg-dump.ts';
import { startHuntServers, type HuntServers } from './play/hunt-servers.ts';

/** The same ones each time, so that a failure is of what changed; as many as there is time for. */
const SEEDS = [5001, 5003, 5004, 5005, 5006, 5007, 5008, 5009, 5010, 5012, 5013, 5014];
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
