import type { Latency } from '../measure/commit-times.ts';
import { median, summarize } from '../measure/statistics.ts';

const NAME_WIDTH = 44;

/** Each percentile's own median over the rounds. */
export function medianLatency(rounds: readonly Latency[]): Latency {
  const of = (key: keyof Latency): number => median(rounds.map((each) => each[key]));
  return { p50: of('p50'), p95: of('p95'), p99: of('p99'), max: of('max') };
}

export function latencyLine(name: string, rounds: readonly Latency[]): string {
  const { p50, p95, p99, max } = medianLatency(rounds);
  const { least, most } = summarize(rounds.map((each) => each.p99));
  const spread = rounds.length > 1 ? ` (${ms(least)} to ${ms(most)})` : '';
  return (
    `  ${name}`.padEnd(NAME_WIDTH) +
    `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}${spread}, max ${ms(max)} ms`
  );
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}
