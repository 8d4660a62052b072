import type { Codec } from './codec.ts';
import { type JsonTree, parseJson } from './json-tree.ts';
import { parseDigits, plainDigits } from './number-digits.ts';
import { refuse } from './refusal.ts';
import { requireText } from './string.ts';

/**
 * `exact`: the text as it is, which must be JSON. Else the document that it says, always written the same way: names
 * sorted by their bytes, the shorter ones first, of equal names the last; a space behind colons and commas; numbers in
 * all their digits without an exponent; of characters only those escaped that must be.
 */
export function jsonCodec({ exact }: { exact: boolean }): Codec {
  return {
    isCanonical: () => false,
    read(text) {
      requireText(text);
      const tree = parseJson(text);
      return exact ? text : write(tree);
    },
  };
}

function write(tree: JsonTree): string {
  switch (tree.kind) {
    case 'literal':
      return tree.text;
    case 'number':
      return numberText(tree.text);
    case 'string':
      return stringText(tree.text);
    case 'array':
      return `[${tree.items.map(write).join(', ')}]`;
    case 'object': {
      const fields = [...tree.fields].map(([name, value]) => ({ name, value, bytes: Buffer.from(name) })); // prettier-ignore
      fields.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
      return `{${fields.map(({ name, value }) => `${stringText(name)}: ${write(value)}`).join(', ')}}`;
    }
  }
}

/** So many digits before the point and behind it a document's number has at most. */
const MOST_WHOLE = 131_072;
const MOST_SCALE = 16_383;

function numberText(text: string): string {
  const parsed = parseDigits(text) ?? refuse('it has a number that is none');
  if (parsed.digits.length - parsed.scale > MOST_WHOLE || parsed.scale > MOST_SCALE)
    refuse('it has a number with too many digits');
  return plainDigits(parsed, null)!;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function stringText(text: string): string {
  requireText(text);
  const escaped = text.replaceAll(/["\\\u0000-\u001f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return ESCAPES[character] ?? `\\u${code}`;
  });
  return `"${escaped}"`;
}
