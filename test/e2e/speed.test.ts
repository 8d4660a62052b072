import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BenchServers, startBenchServers } from '../bench/bench-servers.ts';
import type { Bench } from '../bench/bench.ts';
import { withCatchUpRace } from '../bench/cases/catch-up.ts';
import { withCopyRace } from '../bench/cases/copy.ts';
import type { Race } from '../bench/race-rounds.ts';

/** Less than a third of what docs/performance.md states: the best of some rounds falls below it only for a reason. */
const LEAST = { copy: 0.2, catchUp: 0.2 };
const ROUNDS = 4;
const ROWS = 100_000;
const CHANGES = 40_000;

let servers: BenchServers;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'weir-speed-'));
  servers = await startBenchServers(new AbortController().signal);
});

afterAll(async () => {
  await servers.stop();
  await rm(directory, { recursive: true, force: true });
});

it('copies no slower than a fraction of a COPY pipe on the same machine at the same time', async () => {
  const best = await withCopyRace(benchOf(ROWS), 'copy', (race) => bestRatio(race, LEAST.copy));
  expect(best).toBeGreaterThanOrEqual(LEAST.copy);
});

it('catches up no slower than a fraction of native replication on the same machine at the same time', async () => {
  const best = await withCatchUpRace(benchOf(CHANGES), 'catch-up', (race) =>
    bestRatio(race, LEAST.catchUp),
  );
  expect(best).toBeGreaterThanOrEqual(LEAST.catchUp);
});

/** How many times as fast as the first baseline, in the best of the rounds; the first that is good enough ends it. */
async function bestRatio(race: Race, enough: number): Promise<number> {
  const signal = AbortSignal.timeout(240_000);
  let best = 0;
  for (let round = 0; round < ROUNDS && best < enough; round++) {
    const baseline = await race.baselines[0].run(signal);
    const weir = await race.runWeir(signal);
    best = Math.max(best, baseline.spans['whole']! / weir.spans['reading']!);
  }
  return best;
}

function benchOf(rows: number): Bench {
  return {
    servers,
    directory,
    signal: new AbortController().signal,
    say: () => undefined,
    arguments: {
      cases: [],
      rounds: 1,
      scale: 1,
      rows,
      jsonFile: undefined,
      profileDirectory: undefined,
      settings: [],
    },
  };
}
