import { DatasyncError } from './datasync-error.ts';

/** A key belongs to a prefix that it begins with; there are no wildcards. The empty prefix is everything. */
export function isUnder(key: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => key.startsWith(prefix));
}

/** Leaves out what another prefix already covers. */
export function withoutCovered(prefixes: readonly string[]): string[] {
  const distinct = [...new Set(prefixes)];
  return distinct.filter(
    (prefix) => !distinct.some((other) => other !== prefix && prefix.startsWith(other)),
  );
}

/** For a prefix added to others: a key must belong to one of them only. */
export function requireApart(prefix: string, others: readonly string[]): void {
  const other = others.find((each) => each.startsWith(prefix) || prefix.startsWith(each));
  if (other !== undefined)
    throw new DatasyncError(
      'INVALID',
      `the prefix "${prefix}" overlaps "${other}", which is watched already; keep one of them`,
    );
}
