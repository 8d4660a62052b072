import { expect, it } from 'vitest';
import type { LogicalType } from './logical-type.ts';
import { standardType } from './standard-type.ts';
import { parseTypeName } from './type-name.ts';

const text = { kind: 'string', length: 5, fixed: false, comparison: 'bytes' } as const;

const EXACT: readonly LogicalType[] = [
  ...([16, 32, 64] as const).map((bits) => ({ kind: 'integer', bits, signed: true }) as const),
  ...([32, 64] as const).map((bits) => ({ kind: 'float', bits }) as const),
  ...(['boolean', 'date', 'interval', 'uuid'] as const).map((kind) => ({ kind })),
  { kind: 'decimal', precision: null, scale: null },
  { kind: 'decimal', precision: 65, scale: 30 },
  text,
  { ...text, length: null },
  { ...text, fixed: true, comparison: 'padded' },
  { kind: 'bytes', length: null, fixed: false },
  { kind: 'time', precision: 3, zone: true, duration: false },
  { kind: 'timestamp', precision: 9, zone: false },
  { kind: 'json', exact: true },
  { kind: 'json', exact: false },
  { kind: 'bits', length: 8, varying: false },
  { kind: 'bits', length: null, varying: true },
  { kind: 'array', element: { kind: 'decimal', precision: 5, scale: 2 } },
  { kind: 'other', store: null, name: 'public.mood' },
];

it.each(EXACT)('%j has a name that says it', (type) => {
  const { native, fit, note } = standardType(type);
  expect([parseTypeName(native), fit, note]).toEqual([type, 'exact', null]);
});

const WIDER: readonly (readonly [LogicalType, string])[] = [
  [{ kind: 'integer', bits: 8, signed: false }, 'smallint'],
  [{ kind: 'integer', bits: 24, signed: true }, 'integer'],
  [{ kind: 'integer', bits: 32, signed: false }, 'bigint'],
  [{ kind: 'integer', bits: 64, signed: false }, 'numeric(20,0)'],
  [{ ...text, comparison: 'folded' }, 'character varying(5)'],
  [{ ...text, fixed: true }, 'text'],
  [{ kind: 'bytes', length: 16, fixed: true }, 'bytea'],
  [{ kind: 'time', precision: 6, zone: false, duration: true }, 'interval'],
  [{ kind: 'enum', name: 'mood', labels: ['a'] }, 'text'],
  [{ kind: 'set', labels: ['a'] }, 'text[]'],
  [{ kind: 'array', element: { kind: 'set', labels: [] } }, 'text'],
  [{ kind: 'document' }, 'json'],
  [{ kind: 'objectId' }, 'text'],
  [{ kind: 'geometry', shape: null, srid: null }, 'bytea'],
  [{ kind: 'vector', dimensions: 3 }, 'real[]'],
  [{ kind: 'other', store: 'elsewhere', name: 'point' }, 'text'],
];

it.each(WIDER)('%j has none, and is %s, which holds all its values', (type, name) => {
  const { native, fit, note } = standardType(type);
  expect([native, fit]).toEqual([name, 'wider']);
  expect(note).not.toBeNull();
  expect(parseTypeName(native).kind).not.toBe('other');
});
