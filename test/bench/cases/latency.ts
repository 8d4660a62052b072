import { sizeOf } from '../bench-arguments.ts';
import { type Bench, type CaseReport, runDeadline } from '../bench.ts';
import { type CommitTimes, type Latency, latencyOf } from '../measure/commit-times.ts';
import { median } from '../measure/statistics.ts';
import { latencyLine, medianLatency } from '../report/latency-lines.ts';
import { cpuLines, memoryLine } from '../report/usage-lines.ts';
import { type Followed, whileFollowed } from './latency-subject.ts';

const BURST_CHANGES = 60_000;
const SHARES = [0.25, 0.5, 0.8];
const SECONDS = 6;
const GOAL_SHARE = 0.5;
const GOAL = { p50: 20, p99: 150 };

/** How long a change is on its way at 25, 50 and 80 % of the rate at which no more go through, and with native replication. */
export async function runLatency(bench: Bench): Promise<CaseReport> {
  const signal = AbortSignal.any([bench.signal, runDeadline(bench)]);
  const { rounds } = bench.arguments;
  const burst = sizeOf(bench.arguments, BURST_CHANGES);
  const weir = await whileFollowed(bench, 'weir', signal, async (followed) => {
    const tops: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const times = await followed.measure((load) => load.burst(burst, signal));
      tops.push(rateOf(times));
      bench.say(`latency: ${Math.round(tops.at(-1)!)} changes/s at full speed`);
    }
    const top = median(tops);
    const rates = SHARES.map((share) => share * top);
    const steady = await measureRates(bench, 'weir', followed, rates, signal);
    return { tops, top, rates, steady, changes: followed.load.changes };
  });
  const { top, tops, rates, steady, changes } = weir.result;
  const baseline = await whileFollowed(bench, 'replication', signal, (followed) =>
    measureRates(bench, 'replication', followed, rates, signal),
  );
  const half = medianLatency(steady[SHARES.indexOf(GOAL_SHARE)]!);
  const reached = half.p50 <= GOAL.p50 && half.p99 <= GOAL.p99;
  return {
    name: 'latency',
    failure: null,
    lines: [
      `latency: commit to commit, changes at an even pace for ${SECONDS} s, median of ${rounds} (least to most of p99)`,
      `  top rate: ${thousands(top)} changes/s (${thousands(Math.min(...tops))} to ${thousands(Math.max(...tops))}), written, carried and applied on this machine`,
      ...SHARES.flatMap((share, i) => [
        latencyLine(`weir at ${share * 100} %, ${thousands(rates[i]!)} changes/s`, steady[i]!),
        latencyLine(`  logical replication at the same`, baseline.result[i]!),
      ]),
      `  goal at half: p50 ${GOAL.p50} ms, p99 ${GOAL.p99} ms ${reached ? 'reached' : 'not reached'}`,
      ...cpuLines({ amount: changes, unit: 'changes' }, 'weir', weir.usage),
      memoryLine([{ spans: {}, usage: weir.usage }]),
    ],
    figures: {
      top,
      tops,
      rates,
      weir: steady,
      baseline: baseline.result,
      usage: weir.usage,
      changes,
    },
  };
}

/** For each rate the latencies of each round; the rates take turns. */
async function measureRates(
  bench: Bench,
  name: string,
  followed: Followed,
  rates: readonly number[],
  signal: AbortSignal,
): Promise<Latency[][]> {
  const found: Latency[][] = rates.map(() => []);
  await followed.measure((load) => load.keepPace(rates[0]!, 1_000, signal));
  for (let round = 0; round < bench.arguments.rounds; round++)
    for (const [i, rate] of rates.entries()) {
      const times = await followed.measure((load) => load.keepPace(rate, SECONDS * 1000, signal));
      const latency = latencyOf(times);
      found[i]!.push(latency);
      bench.say(latencyLine(`latency: ${name} at ${Math.round(rate)} changes/s`, [latency]));
    }
  return found;
}

/** From the first commit at the source to the last one at the target; each row inserted stands for two changes. */
function rateOf(times: readonly CommitTimes[]): number {
  const first = times.reduce((least, { sourceMs }) => Math.min(least, sourceMs), Infinity);
  const last = times.reduce((most, { targetMs }) => Math.max(most, targetMs), 0);
  return (2 * times.length * 1000) / (last - first);
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(1)} k`;
}
