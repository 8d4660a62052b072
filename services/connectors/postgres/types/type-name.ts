import { quoteIdent } from '../connection/names.ts';

/** Keywords that stand in a type's name without being one name, as `format_type` writes them. */
const WORDS =
  /^(?:double precision|(?:character|bit) varying|character|bit|(?:timestamp|time)(?:\(\d+\))? with(?:out)? time zone|interval(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?)(?:\(\d+\))?$/;
/** Of these `format_type` and SQL have a keyword, which in quotes would be another type's name. */
const KEYWORDS =
  /^(?:smallint|integer|int|bigint|real|float|numeric|decimal|dec|boolean|bool|char|varchar|time|timestamp|interval)$/;
const NAMED =
  /^(?:("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.)?("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)(?:\(([\w ,-]*)\))?$/i;

/**
 * A type's name that came from outside as it may stand in a statement: in words that PostgreSQL's grammar knows, or each
 * part in quotes. What is no type's name at all becomes the name of a type that does not exist.
 */
export function typeSql(text: string): string {
  const name = text.trim();
  if (name.endsWith('[]')) return `${typeSql(name.slice(0, -2))}[]`;
  const lower = name.toLowerCase().replaceAll(/\s+/g, ' ');
  if (WORDS.test(lower)) return lower;
  const match = NAMED.exec(name);
  if (match === null) return quoteIdent(text);
  const [, schema, own, modifiers] = match;
  const ends = modifiers === undefined ? '' : `(${modifiers})`;
  if (schema === undefined && KEYWORDS.test(own!.toLowerCase())) return own!.toLowerCase() + ends;
  const parts = schema === undefined ? [own!] : [schema, own!];
  return parts.map(toQuoted).join('.') + ends;
}

/** Names without quotes are folded, as PostgreSQL does, and get quotes only where `format_type` gives them some. */
function toQuoted(part: string): string {
  if (part.startsWith('"')) return part;
  const folded = part.toLowerCase();
  return RESERVED.has(folded) ? quoteIdent(folded) : folded;
}

/** Those of PostgreSQL 18 that no type can be called without quotes. */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization between binary both case cast check coalesce ' +
    'collate collation column concurrently constraint create cross current_catalog current_date current_role ' +
    'current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except ' +
    'exists extract false fetch for foreign freeze from full grant greatest group grouping having ilike in initially ' +
    'inner inout intersect into is isnull join lateral leading least left like limit localtime localtimestamp natural ' +
    'not notnull null nullif offset on only or order out outer overlaps overlay placing position precision primary ' +
    'references returning right row select session_user setof similar some substring symmetric system_user table ' +
    'tablesample then to trailing treat trim true union unique user using values variadic verbose when where window with'
  ).split(' '),
);

/** An extension may live in another schema at the target: the qualifier is no difference, what is behind it is. */
export function isSameType(a: string, b: string): boolean {
  return a === b || bareType(a) === bareType(b);
}

function bareType(type: string): string {
  return type.replace(/^("(?:[^"]|"")*"|[^".\s(]+)\./, '');
}
