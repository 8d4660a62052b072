import { parseNamespacePattern } from '../../../../shared/config/namespace-pattern.ts';
import { formatNamespace } from '../connection/names.ts';

/** A glob over table names. */
export interface TablePattern {
  text: string;
  matches(schema: string, table: string): boolean;
}

export function parseTablePattern(text: string): TablePattern {
  const pattern = parseNamespacePattern(text);
  return {
    text,
    // Unquoted too, so that a pattern need not know where a name wants quotes.
    matches: (schema, table) =>
      pattern.matches(`${schema}.${table}`) || pattern.matches(formatNamespace(schema, table)),
  };
}
