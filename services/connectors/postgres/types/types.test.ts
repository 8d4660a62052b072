import { describe, expect, it } from 'vitest';
import type { LogicalType } from '../../../../shared/schema/logical-type.ts';
import { parseTypeName } from '../../../../shared/schema/type-name.ts';
import { type NativeType, toLogical } from './to-logical.ts';
import { mapType } from './to-native.ts';
import { typeSql } from './type-name.ts';

function native(name: string, more: Partial<NativeType> = {}): NativeType {
  return {
    ...{ name, kind: 'b', isBuiltIn: true, extension: null },
    ...{ labels: null, element: null, base: null },
    ...more,
  };
}

describe('a PostgreSQL type as a logical one', () => {
  const posint = native('posint', {
    ...{ kind: 'd', isBuiltIn: false },
    base: { type: native('numeric'), text: 'numeric(9,2)' },
  });
  const cases: readonly (readonly [string, NativeType, string, LogicalType])[] = [
    ['numeric', native('numeric'), 'numeric(9,2)', { kind: 'decimal', precision: 9, scale: 2 }],
    [
      'character without a length',
      native('bpchar'),
      'bpchar',
      { kind: 'string', length: null, fixed: true, comparison: 'padded' },
    ],
    ['oid', native('oid'), 'oid', { kind: 'integer', bits: 32, signed: false }],
    ['a domain', posint, 'public.posint', { kind: 'decimal', precision: 9, scale: 2 }],
    [
      'an array of a domain',
      native('_posint', { element: posint, isBuiltIn: false }),
      'public.posint[]',
      { kind: 'array', element: { kind: 'decimal', precision: 9, scale: 2 } },
    ],
    [
      'an enum',
      native('mood', { kind: 'e', isBuiltIn: false, labels: ['b', 'a'] }),
      'public.mood',
      { kind: 'enum', name: 'public.mood', labels: ['b', 'a'] },
    ],
    [
      'a vector',
      native('vector', { isBuiltIn: false, extension: 'vector' }),
      'public.vector(3)',
      { kind: 'vector', dimensions: 3 },
    ],
    [
      'a geometry',
      native('geometry', { isBuiltIn: false, extension: 'postgis' }),
      'public.geometry(Point,4326)',
      { kind: 'geometry', shape: 'point', srid: 4326 },
    ],
    [
      'another type of that name',
      native('vector', { isBuiltIn: false }),
      'public.vector',
      { kind: 'other', store: 'postgres', name: 'public.vector' },
    ],
    [
      'a type called as a standard one',
      native('integer', { isBuiltIn: false }),
      'public."integer"',
      { kind: 'other', store: 'postgres', name: 'public."integer"' },
    ],
    [
      'a range',
      native('int4range', { kind: 'r' }),
      'int4range',
      { kind: 'other', store: 'postgres', name: 'int4range' },
    ],
    [
      'one that only PostgreSQL has',
      native('tsvector'),
      'tsvector',
      { kind: 'other', store: 'postgres', name: 'tsvector' },
    ],
  ];
  it.each(cases)('%s', (_, type, text, logical) => {
    expect(toLogical(type, text)).toEqual(logical);
  });

  it('text under a collation that folds is no text that bytes tell apart', () => {
    expect(toLogical(native('text'), 'text', true)).toMatchObject({ comparison: 'folded' });
    expect(toLogical(native('varchar'), 'character varying(5)', true)).toMatchObject({
      ...{ length: 5, comparison: 'folded' },
    });
  });
});

describe('what holds a logical type', () => {
  const text = { kind: 'string', length: null, fixed: false, comparison: 'bytes' } as const;
  const cases: readonly (readonly [LogicalType, string, string])[] = [
    [{ kind: 'integer', bits: 8, signed: true }, 'smallint', 'wider'],
    [{ kind: 'integer', bits: 16, signed: true }, 'smallint', 'exact'],
    [{ kind: 'integer', bits: 16, signed: false }, 'integer', 'wider'],
    [{ kind: 'integer', bits: 24, signed: false }, 'integer', 'wider'],
    [{ kind: 'integer', bits: 32, signed: false }, 'bigint', 'wider'],
    [{ kind: 'integer', bits: 64, signed: true }, 'bigint', 'exact'],
    [{ kind: 'integer', bits: 64, signed: false }, 'numeric(20,0)', 'wider'],
    [{ kind: 'decimal', precision: 65, scale: 30 }, 'numeric(65,30)', 'exact'],
    [{ kind: 'decimal', precision: 5, scale: -7 }, 'numeric(5,-7)', 'exact'],
    [{ kind: 'decimal', precision: 2000, scale: 0 }, 'numeric', 'wider'],
    [{ kind: 'decimal', precision: null, scale: null }, 'numeric', 'exact'],
    [{ ...text, length: 20 }, 'character varying(20)', 'exact'],
    [{ ...text, length: 20_000_000 }, 'text', 'wider'],
    [{ ...text, length: 3, fixed: true, comparison: 'padded' }, 'character(3)', 'exact'],
    [{ ...text, length: 3, comparison: 'folded' }, 'character varying(3)', 'wider'],
    [{ ...text, comparison: 'padded' }, 'text', 'wider'],
    [{ kind: 'bytes', length: 16, fixed: true }, 'bytea', 'wider'],
    [{ kind: 'time', precision: 6, zone: false, duration: true }, 'interval', 'wider'],
    [{ kind: 'time', precision: 9, zone: false, duration: false }, 'time without time zone', 'lossy'],
    [{ kind: 'timestamp', precision: 3, zone: true }, 'timestamp(3) with time zone', 'exact'],
    [{ kind: 'timestamp', precision: 9, zone: false }, 'timestamp without time zone', 'lossy'],
    [{ kind: 'enum', name: null, labels: ['a'] }, 'text', 'wider'],
    [{ kind: 'set', labels: ['a'] }, 'text[]', 'wider'],
    [{ kind: 'array', element: { kind: 'timestamp', precision: 9, zone: false } }, 'timestamp without time zone[]', 'lossy'],
    [{ kind: 'array', element: { kind: 'set', labels: [] } }, 'text[]', 'wider'],
    [{ kind: 'geometry', shape: 'point', srid: 4326 }, 'bytea', 'wider'],
    [{ kind: 'vector', dimensions: 3 }, 'real[]', 'wider'],
    [{ kind: 'other', store: 'mariadb', name: 'inet6' }, 'inet', 'exact'],
    [{ kind: 'other', store: 'mysql', name: 'point); drop' }, 'text', 'wider'],
    [{ kind: 'other', store: null, name: 'Public.Mood' }, 'public.mood', 'exact'],
  ]; // prettier-ignore
  it.each(cases)('%j is %s (%s)', (type, sql, fit) => {
    expect(mapType(type)).toMatchObject({ native: sql, fit });
  });

  it('with the extensions that the server has', () => {
    const server = { postgis: 'public', vector: 'My Types' };
    expect(mapType({ kind: 'geometry', shape: 'point', srid: 4326 }, server).native).toBe(
      'public.geometry(point,4326)',
    );
    expect(mapType({ kind: 'vector', dimensions: 3 }, server).native).toBe('"My Types".vector(3)');
  });

  it.each([
    ...['smallint', 'integer', 'bigint', 'boolean', 'real', 'double precision', 'numeric'],
    ...['numeric(10,2)', 'text', 'character varying', 'character varying(20)', 'character(3)'],
    ...['bytea', 'date', 'time(3) without time zone', 'time with time zone', 'interval', 'uuid'],
    ...['timestamp without time zone', 'timestamp(0) with time zone', 'json', 'jsonb', 'bit(8)'],
    ...['bit varying', 'bit varying(9)', 'integer[]', 'inet', 'public.mood', '"Odd One"."x y"[]'],
  ])('%s is what holds its own values', (name) => {
    const { native: sql, fit } = mapType(parseTypeName(name));
    expect(fit).toBe('exact');
    expect(sql).toBe(name === 'character varying' ? 'text' : name);
  });
});

describe('a name from outside', () => {
  it.each([
    ['Inet', 'inet'],
    ['interval(3)', 'interval(3)'],
    ['interval day to second(3)', 'interval day to second(3)'],
    ['public.geometry(Point,4326)', 'public.geometry(Point,4326)'],
    ['select', '"select"'],
    ['public.table', 'public."table"'],
    ['"char"', '"char"'],
    ['int4range[]', 'int4range[]'],
  ])('%s stands as %s', (name, sql) => {
    expect(typeSql(name)).toBe(sql);
  });

  it.each([
    'integer); drop table x; --',
    'text default (pg_sleep(9))',
    'a.b.c',
    'x(1); y',
    "bit varying'",
    'numeric(1,2) not null',
    '"a" "b"',
    '"',
    '',
  ])('%s is one name in quotes', (name) => {
    expect(typeSql(name)).toBe(`"${name.replaceAll('"', '""')}"`);
  });
});
