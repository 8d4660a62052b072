import { DatasyncError } from '../datasync-error.ts';

/** How a bucket lies in JetStream, as every client of NATS lays it out. */
export interface KvLayout {
  readonly bucket: string;
  readonly stream: string;
}

const BUCKET = /^[-\w]+$/;
const KEY = /^[-/=.\w]+$/;
const PREFIX = /^[-/=.\w]*$/;

export function kvLayout(bucket: string): KvLayout {
  if (!BUCKET.test(bucket))
    throw new DatasyncError('INVALID', `"${bucket}" cannot be the name of a bucket`);
  return { bucket, stream: `KV_${bucket}` };
}

export function subjectOf({ bucket }: KvLayout, key: string): string {
  if (!KEY.test(key) || key.startsWith('.') || key.endsWith('.') || key.includes('..'))
    throw new DatasyncError(
      'INVALID',
      `"${key}" cannot be a key of a bucket; take letters, digits and "-_=/", with single dots between`,
    );
  return `$KV.${bucket}.${key}`;
}

export function keyOf({ bucket }: KvLayout, subject: string): string {
  return subject.slice(`$KV.${bucket}.`.length);
}

/**
 * What the server can filter by. It knows whole tokens between dots only, so a prefix that ends within a token brings
 * more than is wanted, which is left out here: prefixes that end with a dot cost least.
 */
export function filtersOf({ bucket }: KvLayout, prefixes: readonly string[]): string[] {
  const heads = prefixes.map((prefix) => {
    if (!PREFIX.test(prefix) || prefix.startsWith('.') || prefix.includes('..'))
      throw new DatasyncError('INVALID', `no key of a bucket can begin with "${prefix}"`);
    return prefix.slice(0, prefix.lastIndexOf('.') + 1);
  });
  const distinct = [...new Set(heads)];
  const widest = distinct.filter(
    (head) => !distinct.some((other) => other !== head && head.startsWith(other)),
  );
  return widest.map((head) => `$KV.${bucket}.${head}>`);
}

/** One filter that covers all, for servers that take only one. */
export function coveringFilter(filters: readonly string[]): string {
  const [first = [], ...rest] = filters.map((filter) => filter.split('.').slice(0, -1));
  let shared = first.length;
  for (const tokens of rest) {
    const differs = first.findIndex((token, at) => tokens[at] !== token);
    if (differs >= 0) shared = Math.min(shared, differs);
    shared = Math.min(shared, tokens.length);
  }
  return [...first.slice(0, shared), '>'].join('.');
}
