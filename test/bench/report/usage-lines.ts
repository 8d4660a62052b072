import type { Measurement, ResourceUsage } from '../bench.ts';
import { median } from '../measure/statistics.ts';

/** The usual run: the median of each figure by itself. */
export function medianUsage(measurements: readonly Measurement[]): ResourceUsage {
  const usages = measurements.map(({ usage }) => usage);
  return {
    cpuMs: medianByName(usages.map(({ cpuMs }) => cpuMs)),
    workCpuMs: medianByName(usages.map(({ workCpuMs }) => workCpuMs)),
    peakBytes: medianByName(usages.map(({ peakBytes }) => peakBytes)),
    brokerBytes: median(usages.map(({ brokerBytes }) => brokerBytes)),
    otherCores: median(usages.map(({ otherCores }) => otherCores)),
  };
}

export function cpuLines(
  work: { amount: number; unit: string },
  name: string,
  { cpuMs }: ResourceUsage,
): string[] {
  const parts = Object.entries(cpuPerMillion(work, { cpuMs })).filter(([, seconds]) => seconds > 0);
  const total = parts.reduce((sum, [, seconds]) => sum + seconds, 0);
  const each = parts.map(([process, seconds]) => `${process} ${seconds.toFixed(1)}`).join(', ');
  return [`  CPU s per million ${work.unit}, ${name}: ${total.toFixed(1)} (${each})`];
}

/** CPU seconds by process for a million rows or changes. */
export function cpuPerMillion(
  { amount }: { amount: number },
  { cpuMs }: Pick<ResourceUsage, 'cpuMs'>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(cpuMs).map(([process, ms]) => [process, (ms * 1000) / amount]),
  );
}

/** The most that each process had in any run. */
export function memoryLine(measurements: readonly Measurement[]): string {
  const peaks = Object.entries(peakBytes(measurements)).map(
    ([process, bytes]) => `${process} ${Math.round(bytes / 2 ** 20)} MB`,
  );
  return `  peak resident memory: ${peaks.join(', ')}`;
}

export function peakBytes(measurements: readonly Measurement[]): Record<string, number> {
  const most: Record<string, number> = {};
  for (const { usage } of measurements)
    for (const [process, bytes] of Object.entries(usage.peakBytes))
      most[process] = Math.max(most[process] ?? 0, bytes);
  return most;
}

function medianByName(records: readonly Record<string, number>[]): Record<string, number> {
  const names = new Set(records.flatMap((record) => Object.keys(record)));
  return Object.fromEntries(
    [...names].map((name) => [name, median(records.map((record) => record[name] ?? 0))]),
  );
}
