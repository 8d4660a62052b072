/** Up to here a loop is faster than a call of the runtime. */
const SHORT = 48;

/** Copies `source`, or its bytes between `from` and `to`, to where there is room for them; returns the offset behind. */
export function putBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  from = 0,
  to = source.length,
): number {
  const end = at + to - from;
  if (to - from <= SHORT) while (at < end) target[at++] = source[from++]!;
  else if (from === 0 && to === source.length) target.set(source, at);
  else target.set(source.subarray(from, to), at);
  return end;
}
