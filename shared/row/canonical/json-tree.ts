import { refuse } from './refusal.ts';

/** A JSON text taken apart; numbers stay as they are written, and of equal names the last one counts. */
export type JsonTree =
  | { kind: 'literal'; text: string }
  | { kind: 'number'; text: string }
  | { kind: 'string'; text: string }
  | { kind: 'array'; items: JsonTree[] }
  | { kind: 'object'; fields: Map<string, JsonTree> };

/** Deeper ones no store that is known takes. */
const MOST_DEPTH = 5_000;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS = ['true', 'false', 'null'];

/** RFC 8259. Throws `Refusal`. */
export function parseJson(text: string): JsonTree {
  let at = 0;
  const take = (form: RegExp): string | null => {
    form.lastIndex = at;
    const found = form.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  const is = (character: string): boolean => {
    take(SPACE);
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const wrong = (): never => refuse('it is no JSON');
  const name = (): string => {
    take(SPACE);
    const from = at;
    if (text[at] !== '"') wrong();
    for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    return parseString(text.slice(from, ++at));
  };
  const value = (depth: number): JsonTree => {
    if (depth > MOST_DEPTH) refuse(`it is nested more than ${MOST_DEPTH} times`);
    if (is('{')) {
      const fields = new Map<string, JsonTree>();
      if (is('}')) return { kind: 'object', fields };
      do {
        const field = name();
        if (!is(':')) wrong();
        fields.set(field, value(depth + 1));
      } while (is(','));
      return is('}') ? { kind: 'object', fields } : wrong();
    }
    if (is('[')) {
      const items: JsonTree[] = [];
      if (is(']')) return { kind: 'array', items };
      do items.push(value(depth + 1));
      while (is(','));
      return is(']') ? { kind: 'array', items } : wrong();
    }
    if (text[at] === '"') return { kind: 'string', text: name() };
    const literal = LITERALS.find((each) => text.startsWith(each, at));
    if (literal !== undefined) {
      at += literal.length;
      return { kind: 'literal', text: literal };
    }
    return { kind: 'number', text: take(NUMBER) ?? wrong() };
  };
  const tree = value(0);
  take(SPACE);
  return at === text.length ? tree : wrong();
}

/** Of what is between two quotes, them included. */
function parseString(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('it is no JSON');
    throw error;
  }
}
