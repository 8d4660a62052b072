const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** What is not known is never shown as a number. */
export const UNKNOWN = '–';

export function number(value: number | null): string {
  return value === null ? UNKNOWN : whole.format(value);
}

export function rate(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value > 0 && value < 10 ? value.toFixed(1) : whole.format(value);
}

export function duration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

export function bytes(value: number | null): string {
  if (value === null) return UNKNOWN;
  let size = value;
  let unit = 0;
  for (; size >= 1024 && unit < 4; unit++) size /= 1024;
  const text = unit === 0 || size >= 10 ? String(Math.round(size)) : size.toFixed(1);
  return `${text} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]!}`;
}

export function clock(at: string | number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

export function moment(at: string): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return today ? clock(at) : `${day}, ${clock(at)}`;
}

export function percent(done: number, total: number): string {
  return total === 0 ? UNKNOWN : `${Math.floor((100 * done) / total)} %`;
}

export function countAll(counts: {
  inserts: number;
  updates: number;
  deletes: number;
  truncates: number;
}): number {
  return counts.inserts + counts.updates + counts.deletes + counts.truncates;
}
