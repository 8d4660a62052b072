import { describe, expect, it } from 'vitest';
import type { LogicalType } from './logical-type.ts';
import { showType } from './show-type.ts';
import { parseTypeName } from './type-name.ts';

const CASES: readonly (readonly [string, LogicalType])[] = [
  ['boolean', { kind: 'boolean' }],
  ['smallint', { kind: 'integer', bits: 16, signed: true }],
  ['bigint', { kind: 'integer', bits: 64, signed: true }],
  ['real', { kind: 'float', bits: 32 }],
  ['double precision', { kind: 'float', bits: 64 }],
  ['numeric', { kind: 'decimal', precision: null, scale: null }],
  ['numeric(10,2)', { kind: 'decimal', precision: 10, scale: 2 }],
  ['numeric(5,-3)', { kind: 'decimal', precision: 5, scale: -3 }],
  ['text', { kind: 'string', length: null, fixed: false, comparison: 'bytes' }],
  ['character varying(20)', { kind: 'string', length: 20, fixed: false, comparison: 'bytes' }],
  ['character(3)', { kind: 'string', length: 3, fixed: true, comparison: 'padded' }],
  ['bytea', { kind: 'bytes', length: null, fixed: false }],
  ['date', { kind: 'date' }],
  ['time(3) without time zone', { kind: 'time', precision: 3, zone: false, duration: false }],
  ['time(6) with time zone', { kind: 'time', precision: 6, zone: true, duration: false }],
  ['timestamp(0) without time zone', { kind: 'timestamp', precision: 0, zone: false }],
  ['timestamp(6) with time zone', { kind: 'timestamp', precision: 6, zone: true }],
  ['interval', { kind: 'interval' }],
  ['uuid', { kind: 'uuid' }],
  ['json', { kind: 'json', exact: true }],
  ['jsonb', { kind: 'json', exact: false }],
  ['bit(8)', { kind: 'bits', length: 8, varying: false }],
  ['bit varying', { kind: 'bits', length: null, varying: true }],
  ['integer[]', { kind: 'array', element: { kind: 'integer', bits: 32, signed: true } }],
];

describe('names of types', () => {
  it.each(CASES)('%s is read, and shown as it is written', (name, type) => {
    expect(parseTypeName(name)).toEqual(type);
    expect(showType(type)).toBe(name);
  });

  it.each([
    ['INT', 'integer'],
    ['int8', 'bigint'],
    ['decimal( 10 , 2 )', 'numeric(10,2)'],
    ['VARCHAR(5)', 'character varying(5)'],
    ['timestamptz', 'timestamp(6) with time zone'],
    ['timestamp', 'timestamp(6) without time zone'],
    ['char', 'character(1)'],
  ])('%s is %s', (short, name) => {
    expect(showType(parseTypeName(short))).toBe(name);
  });

  it.each([
    'inet',
    'public.mood',
    'integer[][]',
    'inet[]',
    'constructor',
    '__proto__',
    'numeric(a)',
    '"text"',
    '',
    'integer); drop table x; --',
  ])('%s is nobody’s standard name, and kept as it is', (name) => {
    expect(parseTypeName(name)).toEqual({ kind: 'other', store: null, name });
  });
});
