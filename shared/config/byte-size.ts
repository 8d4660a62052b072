const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** `50GB` as bytes, units of 1024; undefined where it cannot be read. */
export function parseByteSize(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?) ?(kB|MB|GB|TB)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const bytes = Math.round(Number(number) * 1024 ** (1 + UNITS.findIndex((u) => u === unit)));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** The largest unit in which it is at least 1: `1.5 GB`. */
export function formatByteSize(bytes: number): string {
  let value = Math.max(0, bytes) / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ${UNITS[unit]!}`;
}
