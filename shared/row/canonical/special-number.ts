const SPECIAL: readonly [RegExp, string][] = [
  [/^nan$/i, 'NaN'],
  [/^\+?inf(inity)?$/i, 'Infinity'],
  [/^-inf(inity)?$/i, '-Infinity'],
];

/** What has no digits: `NaN`, `Infinity` or `-Infinity`; null where the text is none of them. */
export function specialNumber(text: string): string | null {
  return SPECIAL.find(([form]) => form.test(text))?.[1] ?? null;
}
