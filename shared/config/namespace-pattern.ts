/** A glob over namespaces: `*` is any run of characters, `?` any one; all else stands for itself. */
export interface NamespacePattern {
  text: string;
  matches(namespace: string): boolean;
}

export function parseNamespacePattern(text: string): NamespacePattern {
  const source = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, (char) => {
    if (char === '*') return '.*';
    return char === '?' ? '.' : `\\${char}`;
  });
  const expression = new RegExp(`^${source}$`, 'su');
  return { text, matches: (namespace) => expression.test(namespace) };
}
