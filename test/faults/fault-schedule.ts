import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../infra/demo/random.ts';

export interface Fault {
  name: string;
  /** Does harm, and takes back what does not end by itself. */
  strike(random: (below: number) => number): Promise<void>;
}

export interface ScheduleOptions {
  seed: number;
  forMs: number;
  /** Between the end of one fault and the beginning of the next. */
  pauseMs: readonly [number, number];
}

/** Random faults, one after the other, the same for the same seed; gives how often each has struck. */
export async function strikeAtRandom(
  faults: readonly Fault[],
  { seed, forMs, pauseMs: [least, most] }: ScheduleOptions,
): Promise<Map<string, number>> {
  const random = createRandom(seed);
  const struck = new Map<string, number>();
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) {
    await sleep(least + random(most - least));
    const fault = faults[random(faults.length)]!;
    struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1);
    await fault.strike(random);
  }
  return struck;
}

/** The seed that the environment names, else a new one; said aloud, so that a failure can be had again. */
export function chooseSeed(): number {
  const named = process.env['WEIR_FAULT_SEED'];
  const seed =
    named === undefined || named === '' ? Math.floor(Math.random() * 1_000_000) : Number(named);
  process.stdout.write(`faults: seed ${seed}; WEIR_FAULT_SEED=${seed} repeats it\n`);
  return seed;
}
