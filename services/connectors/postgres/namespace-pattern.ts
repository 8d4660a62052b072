import { formatNamespace } from './names.ts';

/** A glob over table names: `*` is any run of characters, `?` any one; all else stands for itself. */
export interface NamespacePattern {
  text: string;
  matches(schema: string, table: string): boolean;
}

export function parseNamespacePattern(text: string): NamespacePattern {
  const source = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, (char) => {
    if (char === '*') return '.*';
    return char === '?' ? '.' : `\\${char}`;
  });
  const expression = new RegExp(`^${source}$`, 'su');
  return {
    text,
    // Unquoted too, so that a pattern need not know where a name wants quotes.
    matches: (schema, table) =>
      expression.test(`${schema}.${table}`) || expression.test(formatNamespace(schema, table)),
  };
}
