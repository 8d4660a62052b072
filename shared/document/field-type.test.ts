import { expect, it } from 'vitest';
import { fieldTypeOf } from './field-type.ts';

it.each([
  ['boolean', { kind: 'boolean' }],
  ['smallint', { kind: 'integer', bits: 16 }],
  ['bigint', { kind: 'integer', bits: 64 }],
  ['real', { kind: 'single' }],
  ['numeric', { kind: 'number', digits: null, scale: null }],
  ['numeric(34,2)', { kind: 'decimal', digits: 34, scale: 2 }],
  ['numeric(30,-5)', { kind: 'number', digits: 30, scale: -5 }],
  ['numeric(35)', { kind: 'number', digits: 35, scale: 0 }],
  ['character varying(9)', { kind: 'text' }],
  ['character(9)', { kind: 'text' }],
  ['timestamp(3) with time zone', { kind: 'timestamptz' }],
  ['timestamp without time zone', { kind: 'timestamp' }],
  ['time(0) with time zone', { kind: 'time' }],
  ['interval day to second(3)', { kind: 'time' }],
  ['jsonb', { kind: 'json' }],
  ['bytea', { kind: 'binary' }],
  ['numeric(5,2)[]', { kind: 'decimal', digits: 5, scale: 2, isArray: true }],
  ['text[]', { kind: 'text', isArray: true }],
  ['inet', { kind: 'other' }],
  ['inet[]', { kind: 'other' }],
  ['bit(3)[]', { kind: 'other' }],
  ['public.mood', { kind: 'other' }],
  ['constructor', { kind: 'other' }],
])('what a document has of %s follows from its name', (type, expected) => {
  const field = fieldTypeOf({ type });
  expect(field).toEqual({ isArray: false, bits: 0, digits: null, scale: null, ...expected });
});

it.each([
  [
    { kind: 'integer', bits: 8, signed: true },
    { kind: 'integer', bits: 16 },
  ],
  [
    { kind: 'integer', bits: 32, signed: false },
    { kind: 'integer', bits: 64 },
  ],
  [
    { kind: 'integer', bits: 64, signed: false },
    { kind: 'decimal', digits: 20, scale: 0 },
  ],
  [
    { kind: 'decimal', precision: 10, scale: 2 },
    { kind: 'decimal', digits: 10, scale: 2 },
  ],
  [{ kind: 'time', precision: 0, zone: false, duration: true }, { kind: 'time' }],
  [{ kind: 'enum', name: null, labels: ['a'] }, { kind: 'other' }],
] as const)('a name that only its store knows does not count beside %j', (logical, expected) => {
  expect(fieldTypeOf({ type: 'text', logical })).toMatchObject(expected);
});
