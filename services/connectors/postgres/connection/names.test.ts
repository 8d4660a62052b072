import { describe, expect, it } from 'vitest';
import {
  formatNamespace,
  parseNamespace,
  pipelineObjectName,
  qualifiedName,
  quoteIdent,
  quoteLiteral,
  toSqlName,
} from './names.ts';

describe('names', () => {
  it('quotes identifiers and literals so that nothing in them ends them', () => {
    expect(quoteIdent('a"b')).toBe('"a""b"');
    expect(quoteLiteral("it's")).toBe("'it''s'");
    expect(quoteLiteral('a\\b')).toBe(" E'a\\\\b'");
  });

  it.each([
    ['public', 'orders', 'public.orders'],
    ['My Schema', 'Über', 'My Schema.Über'],
    ['a.b', 'c', '"a.b".c'],
    ['a', 'c"d', 'a."c""d"'],
    ['"', '.', '"""".".".'.slice(0, -1)],
  ])('gives %s / %s the namespace %s and finds the parts again', (schema, table, namespace) => {
    expect(formatNamespace(schema, table)).toBe(namespace);
    expect(parseNamespace(namespace)).toEqual({ schema, table });
  });

  it.each(['orders', 'a.b.c', '"a.b', '', '.x'])('refuses %j as the name of a table', (text) => {
    expect(() => parseNamespace(text)).toThrow(/is not the name of a table/);
  });

  it('makes a name for SQL from a namespace', () => {
    expect(toSqlName('"a.b".c')).toBe('"a.b"."c"');
    expect(qualifiedName('a', 'B"')).toBe('"a"."B"""');
  });

  it('names objects after the pipeline and keeps long names apart', () => {
    expect(pipelineObjectName('shop-eu')).toBe('weir_shop_eu');
    const long = 'x'.repeat(60);
    expect(pipelineObjectName(long).length).toBeLessThanOrEqual(48);
    expect(pipelineObjectName(`${long}a`)).not.toBe(pipelineObjectName(`${long}b`));
    expect(() => pipelineObjectName('Shop')).toThrow(/give it another name/);
  });
});
