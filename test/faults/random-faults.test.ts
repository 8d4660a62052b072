import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { usePostgres } from '../support/servers.ts';
import { FaultPipeline } from './fault-pipeline.ts';
import { CommitWatch } from './commit-watch.ts';
import { chooseSeed, strikeAtRandom, type Fault } from './fault-schedule.ts';
import { ResidentWatch } from './resident-watch.ts';
import { wireFaults } from './wire-faults.ts';

const source = usePostgres();
const target = usePostgres();
const seed = chooseSeed();
const minutes = Number(process.env['WEIR_FAULT_MINUTES'] ?? '0.5');

/** Everything that the other tests do one at a time. */
function faultsOf(pipeline: FaultPipeline): (Fault & { kills?: number })[] {
  const { nats, wires, services, writers, reader } = pipeline;
  return [
    ...services.map(({ name }, i) => ({
      name: `kill ${name} ${i}`,
      kills: 1,
      strike: kill(services, [i]),
    })),
    { name: 'kill all writers', kills: 2, strike: kill(services, [1, 2]) },
    { name: 'kill all services', kills: 3, strike: kill(services, [0, 1, 2]) },
    ...[reader, ...writers].map((service) => ({
      name: `sleep of a ${service.name}`,
      async strike(random: (below: number) => number) {
        service.freeze();
        await sleep(1_000 + random(12_000));
        service.thaw();
      },
    })),
    {
      name: 'kill the broker',
      kills: 1,
      async strike() {
        await nats.kill('SIGKILL');
        await nats.start();
      },
    },
    { name: 'wipe the broker', strike: () => nats.wipe() },
    ...[source, target].map(({ server }, i) => ({
      name: `kill the ${i === 0 ? 'source' : 'target'}`,
      kills: 1,
      async strike() {
        await server.kill('SIGKILL');
        await server.start();
      },
    })),
    {
      name: 'lose answers to COMMIT',
      strike: async () => wires.target.loseAnswers(Buffer.from('COMMIT\0'), 3),
    },
    ...wireFaults(wires),
  ];
}

function kill(services: FaultPipeline['services'], which: number[]): Fault['strike'] {
  return async () => {
    await Promise.all(which.map((i) => services[i]!.restart()));
  };
}

test(
  'nothing is lost and nothing comes twice whatever happens, in any order',
  { timeout: minutes * 60_000 + 300_000 },
  async () => {
    const pipeline = await FaultPipeline.start({ source, target, seed });
    await pipeline.untilFollowing();
    const memory = new ResidentWatch(pipeline.processes);
    const commits = new CommitWatch(pipeline.targetUrl);
    let kills = 0;
    const faults = faultsOf(pipeline).map((fault) => ({
      ...fault,
      strike(random: (below: number) => number) {
        if (fault.kills !== undefined) commits.struck();
        kills += fault.kills ?? 0;
        return fault.strike(random);
      },
    }));
    const struck = new Map<string, number>();
    const recoveries: number[] = [];
    const endMs = performance.now() + minutes * 60_000;
    // In bursts: after each the pipeline must come back by itself, and quickly.
    for (let burst = 0; performance.now() < endMs; burst++) {
      const forMs = Math.min(20_000, endMs - performance.now());
      const some = await strikeAtRandom(faults, {
        seed: seed + burst,
        forMs,
        pauseMs: [200, 3_000],
      });
      for (const [name, times] of some) struck.set(name, (struck.get(name) ?? 0) + times);
      recoveries.push(Math.round(await pipeline.progresses()));
    }
    const all = [...struck].map(([name, times]) => `${name} ${times}`).sort();
    process.stdout.write(`faults: ${all.join(', ')}\n`);
    process.stdout.write(`faults: back after ${recoveries.join(', ')} ms\n`);
    await commits.stop();
    memory.stop();
    process.stdout.write(`faults: survived ${kills} kills; ${String(commits)}\n`);
    process.stdout.write(`faults: ${String(memory)}\n`);
    expect(struck.size).toBeGreaterThan(2);
    await pipeline.finish();
  },
);
