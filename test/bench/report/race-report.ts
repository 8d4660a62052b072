import type { Measurement } from '../bench.ts';
import { median, summarize } from '../measure/statistics.ts';
import type { Race, RaceRounds } from '../race-rounds.ts';
import { cpuLines, cpuPerMillion, memoryLine, medianUsage } from './usage-lines.ts';

const NAME_WIDTH = 46;
const BUSY_CORES = 0.3;

/** What a person reads of a race. */
export function raceLines(race: Race, rounds: RaceRounds): string[] {
  const { baseline, weir, control } = rounds;
  const ratios = race.spans.map(({ key, meaning }) => ({
    meaning,
    ...summarize(roundRatios(rounds, key)),
    ofMedians: ratioOfMedians(rounds, key),
  }));
  const [first] = ratios;
  const others = Object.entries(rounds.others);
  const missing = race.baselines.filter((each) => each.missing !== undefined);
  return [
    `${race.name}: ${race.work}; median of ${weir.length} (least to most)`,
    timeLine(race, race.baselines[0].name, spanOf(baseline, 'whole')),
    timeLine(race, 'the same again', spanOf(control, 'whole')),
    ...others.map(([name, runs]) => timeLine(race, name, spanOf(runs, 'whole'))),
    ...race.spans.map(({ key, meaning }) => timeLine(race, `weir, ${meaning}`, spanOf(weir, key))),
    ...ratios.map(
      ({ meaning, ofMedians, least, most }) =>
        `  ratio, ${meaning}`.padEnd(NAME_WIDTH + 2) +
        `${ofMedians.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)} by round)`,
    ),
    ...others.map(
      ([name, runs]) =>
        `  ratio to ${name}`.padEnd(NAME_WIDTH + 2) +
        (median(spanOf(runs, 'whole')) / median(spanOf(weir, race.spans[0].key))).toFixed(2),
    ),
    ...missing.map(({ name, missing: why }) => `  skipped: ${name}, ${why}`),
    `  noise: the baseline against itself`.padEnd(NAME_WIDTH + 2) +
      `${noise(rounds).toFixed(2)} (medians of the two)`,
    othersLine(rounds),
    ...(race.goal === null
      ? []
      : [
          `  goal ${race.goal} ${(first?.ofMedians ?? 0) >= race.goal ? 'reached' : 'not reached'}`,
        ]),
    ...cpuLines(race, 'baseline', medianUsage(baseline)),
    ...cpuLines(race, 'weir', medianUsage(weir)),
    memoryLine(weir),
    `  through the broker: ${Math.round(median(weir.map((m) => m.usage.brokerBytes)) / 1e6)} MB read by nats-server`,
  ];
}

/** The same for programs, with every single run. */
export function raceFigures(race: Race, rounds: RaceRounds): Record<string, unknown> {
  return {
    work: race.work,
    amount: race.amount,
    unit: race.unit,
    baselines: race.baselines.map(({ name, missing }) => ({ name, missing })),
    goal: race.goal,
    spans: race.spans,
    ratios: Object.fromEntries(race.spans.map(({ key }) => [key, ratioOfMedians(rounds, key)])),
    cpuSecondsPerMillion: {
      baseline: cpuPerMillion(race, medianUsage(rounds.baseline)),
      weir: cpuPerMillion(race, medianUsage(rounds.weir)),
    },
    noise: noise(rounds),
    rounds,
  };
}

/** How many times as fast as the baseline, whose runs before and after count alike. */
function ratioOfMedians({ baseline, weir, control }: RaceRounds, key: string): number {
  return median(spanOf([...baseline, ...control], 'whole')) / median(spanOf(weir, key));
}

function roundRatios({ baseline, weir, control }: RaceRounds, key: string): number[] {
  const before = spanOf(baseline, 'whole');
  const after = spanOf(control, 'whole');
  return spanOf(weir, key).map((ms, i) => ((before[i] ?? 0) + (after[i] ?? 0)) / 2 / ms);
}

function noise({ baseline, control }: RaceRounds): number {
  return median(spanOf(control, 'whole')) / median(spanOf(baseline, 'whole'));
}

/** A machine that does other work measures that work too: such a ratio is worth a look, not a claim. */
function othersLine({ baseline, weir, control }: RaceRounds): string {
  const cores = [...baseline, ...weir, ...control].map(({ usage }) => usage.otherCores);
  const { median: middle, most } = summarize(cores);
  const verdict = most > BUSY_CORES ? '; a busy machine, so measure again' : '';
  return `  other work on the machine: ${middle.toFixed(1)} cores, at most ${most.toFixed(1)}${verdict}`;
}

function spanOf(measurements: readonly Measurement[], key: string): number[] {
  return measurements.map(({ spans }) => spans[key] ?? Number.NaN);
}

function timeLine(race: Race, name: string, ms: readonly number[]): string {
  const { median: middle, least, most } = summarize(ms.map((value) => value / 1000));
  const rate = Math.round(race.amount / middle / 1000);
  return (
    `  ${name}`.padEnd(NAME_WIDTH + 2) +
    `${middle.toFixed(2)} s (${least.toFixed(2)} to ${most.toFixed(2)}), ${rate} k ${race.unit}/s`
  );
}
