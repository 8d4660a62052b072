const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `30m`, `4h` or `2d` in milliseconds; undefined where it cannot be read. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** In the unit that people would say: `40 s`, `12 min`, `5 h`, `3 days`. */
export function formatDuration(ms: number): string {
  if (ms < 2 * UNIT_MS.m) return `${Math.round(ms / UNIT_MS.s)} s`;
  if (ms < 2 * UNIT_MS.h) return `${Math.round(ms / UNIT_MS.m)} min`;
  if (ms < 2 * UNIT_MS.d) return `${Math.round(ms / UNIT_MS.h)} h`;
  return `${Math.round(ms / UNIT_MS.d)} days`;
}
