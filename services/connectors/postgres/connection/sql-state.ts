import type { ErrorCode } from '../../../../shared/errors/codes.ts';

/** SQLSTATEs by which a server refuses a row (manual, appendix A); 54000: a value is too large for an index. */
export const REFUSING_STATES = /^(21|22|23|44|P0|54000)/;

/** Those that pass by themselves, or that somebody who works on the server ends. */
export const PASSING_STATES = /^(08|40|53|57|58)|^(55P03|55006|25006|25P03|25P04)$/;

/**
 * The first that matches counts. What a server refuses is never a defect of Weir, except where only a statement that Weir
 * put together wrongly can be the cause; what is not listed is refused for a reason that the server tells.
 */
const TABLE: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(42501|28)/, 'ACCESS_DENIED'],
  // No such database; a packet that a pooler does not take.
  [/^(3D000|08P01)/, 'CONFIG_INVALID'],
  // A library that an extension or a function needs is not on the server.
  [/^58P01/, 'STATEMENT_REFUSED'],
  [PASSING_STATES, 'UNREACHABLE'],
  [/^(42P01|42703|3F000)/, 'SCHEMA_CHANGED'],
  [REFUSING_STATES, 'ROW_REFUSED'],
  // Syntax; a transaction, a cursor or a statement in a state that it is not meant to be in.
  [/^(42601|03|24|25|34|3B)/, 'INTERNAL'],
];

export function codeOfState(state: string): ErrorCode {
  return TABLE.find(([states]) => states.test(state))?.[1] ?? 'STATEMENT_REFUSED';
}

const SHARED =
  'Something between here and the server, such as a pooler that shares a connection among several, mixes sessions; name the server itself in the URL, or, at the target, let the pooler keep one connection a session (PgBouncer: pool_mode = session)';

/** What to know of a state that its message does not say. */
const ADVICE: Readonly<Record<string, string>> = {
  '08P01':
    'Something between here and the server, such as a pooler, does not take what a session of Weir needs. Name the server itself in the URL: at the source always, as changes are followed by replication; at the target a pooler will do that keeps one connection a session and ignores "options" (PgBouncer: pool_mode = session, ignore_startup_parameters = extra_float_digits,options)',
  '25006': 'The server is a standby; it takes writes once it is promoted, or name the primary',
  '26000': SHARED,
  '42P05': SHARED,
  XX001: 'A page of the server is damaged; restore it before anything else',
  XX002: 'An index of the server is damaged; run REINDEX on it',
};

export function adviceOf(state: string): string | null {
  return ADVICE[state] ?? null;
}

/**
 * The function of the user that raised an error, from the server's CONTEXT, which may hold values beside it. The
 * innermost comes first. Blocks that Weir sends are no function. In other languages than English the line is known by what
 * no translation changes: the name of the language, a signature, a quoted name with the number of a statement behind it.
 */
export function functionIn(context: string | undefined): string | null {
  for (const line of context?.split('\n') ?? []) {
    const name =
      /^PL\/\S+ function (.+?)(?: line \d+.*| while .*| during .*)?$/.exec(line)?.[1] ??
      /^SQL function (".+?"(?="?(?: |$)))/.exec(line)?.[1] ??
      translatedFunction(line);
    if (name !== undefined && name !== 'inline_code_block') return name;
  }
  return null;
}

const PART = '(?:"(?:[^"]|"")*"|[^\\s"(),.]+)';
const SIGNATURE = new RegExp(`(?:${PART}\\.)?${PART}\\([^()]*\\)`, 'u');
/** What stands before a name without a space between. */
const GLUED = /^.*PL\/pgSQL|^(?:関数|函数)/u;

function translatedFunction(line: string): string | undefined {
  if (/inline_code_block/.test(line)) return undefined;
  if (/PL\/pgSQL/.test(line))
    return SIGNATURE.exec(line)?.[0].replace(GLUED, '').replace(GLUED, '');
  if (/PL\//.test(line)) return /["«»„“]\s*(.+?)\s*["»«”“]/u.exec(line)?.[1];
  // A statement has spaces in it, or nothing behind it.
  return (
    /SQL[^"«»]*["«»]\s?([^\s"«»]+)\s?["»«]/u.exec(line)?.[1] ??
    /SQL[^"«»]*["«»]\s?(.+?)\s?["»«][^"»«]*\d$/u.exec(line)?.[1]
  );
}

/** The same question as an expression of the server's, for `refusal-search.ts`. */
export const NAMES_FUNCTION = [
  String.raw`(^|\n)(PL/\S+ function (?!inline_code_block)|SQL function )`,
  String.raw`(^|\n)(?![^\n]*inline_code_block)[^\n]*PL/(pgSQL[^\n]*\([^\n]*\)|(?!pgSQL)[^\n]*["«»„“])`,
  String.raw`(^|\n)[^\n]*\([^\n]*\)[^\n]*PL/pgSQL`,
  String.raw`(^|\n)[^\n"«»]*SQL[^\n"«»]*["«»]([^\s"«»]+|\s[^\s"«»]+\s)["»«]`,
  String.raw`(^|\n)[^\n"«»]*SQL[^\n"«»]*["«»][^\n]*["»«][^\n"»«]*\d(\n|$)`,
].join('|');
