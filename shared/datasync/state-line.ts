import type { FailureRecord } from './feedback-store.ts';
import { toRevision } from './revision.ts';
import type { Cursor } from './transport.ts';
import type { AnsweredVersion } from './watch-state.ts';

/** One line of a state's file, as JSON with short names, since there is one for each answer. */
export type StateLine =
  | ({ kind: 'answered' | 'staged'; key: string } & AnsweredVersion)
  | { kind: 'gone'; key: string; revision: AnsweredVersion['revision'] }
  | { kind: 'touched'; key: string }
  | { kind: 'commit' }
  | { kind: 'drop' }
  | { kind: 'forget'; prefixes: readonly string[] }
  | { kind: 'failure'; key: string; failure: FailureRecord | undefined }
  | { kind: 'cursor'; prefixes: readonly string[]; cursor: Cursor };

export function formatLine(line: StateLine): string {
  return `${JSON.stringify(toJson(line))}\n`;
}

function toJson(line: StateLine): unknown {
  switch (line.kind) {
    case 'answered':
    case 'staged':
      return {
        [line.kind === 'answered' ? 'a' : 's']: line.key,
        r: String(line.revision),
        t: line.stamp,
        v: Buffer.from(line.value).toString('base64'),
      };
    case 'gone':
      return { g: line.key, r: String(line.revision) };
    case 'touched':
      return { o: line.key };
    case 'commit':
      return { commit: true };
    case 'drop':
      return { drop: true };
    case 'forget':
      return { forget: line.prefixes };
    case 'failure': {
      const { failure } = line;
      return failure === undefined
        ? { f: line.key }
        : { f: line.key, r: String(failure.revision), e: failure.error, n: failure.attempts };
    }
    case 'cursor': {
      const { incarnation, revision, tail } = line.cursor;
      return { c: line.prefixes, i: incarnation, r: String(revision), z: tail };
    }
  }
}

/** Undefined where it is no such line. */
export function parseLine(text: string): StateLine | undefined {
  try {
    return fromJson(JSON.parse(text) as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

function fromJson(fields: Record<string, unknown>): StateLine | undefined {
  const { a, s, g, o, f, c, r, t, v, e, n, i, z } = fields;
  const key = a ?? s;
  if (
    typeof key === 'string' &&
    typeof r === 'string' &&
    typeof t === 'number' &&
    typeof v === 'string'
  )
    return {
      kind: a === undefined ? 'staged' : 'answered',
      key,
      revision: toRevision(r),
      stamp: t,
      value: Buffer.from(v, 'base64'),
    };
  if (typeof g === 'string' && typeof r === 'string')
    return { kind: 'gone', key: g, revision: toRevision(r) };
  if (typeof o === 'string') return { kind: 'touched', key: o };
  if (fields['commit'] === true) return { kind: 'commit' };
  if (fields['drop'] === true) return { kind: 'drop' };
  const { forget } = fields;
  if (Array.isArray(forget)) return { kind: 'forget', prefixes: forget.map(String) };
  if (typeof f === 'string') {
    const failed = typeof r === 'string' && typeof e === 'string' && typeof n === 'number';
    const failure = failed ? { revision: toRevision(r), error: e, attempts: n } : undefined;
    return { kind: 'failure', key: f, failure };
  }
  if (Array.isArray(c) && typeof i === 'string' && typeof r === 'string')
    return {
      kind: 'cursor',
      prefixes: c.map(String),
      cursor: {
        incarnation: i,
        revision: toRevision(r),
        ...(typeof z === 'string' ? { tail: z } : {}),
      },
    };
  return undefined;
}
