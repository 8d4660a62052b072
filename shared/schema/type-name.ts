import type { LogicalType } from './logical-type.ts';

/**
 * The names of types that stores share: those of standard SQL, some under their short names too, and `json`, `jsonb`, `uuid`
 * and `bytea`, for which SQL has none or none that is in use. Names come from outside, such as a schema file: they are read
 * here and never put into a statement. What is none of them is of the kind `other`.
 */
export function parseTypeName(text: string): LogicalType {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const type = readTypeName(text);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(text, type);
  return type;
}

const MAX_CACHED = 1_000;
const cache = new Map<string, LogicalType>();

/** The default of SQL's times, which is what the stores mean too. */
export const MICROSECONDS = 6;

function readTypeName(text: string): LogicalType {
  const name = text.trim().toLowerCase().replaceAll(/\s+/g, ' ');
  if (!name.endsWith('[]')) return scalarType(name) ?? { kind: 'other', store: null, name: text };
  const element = scalarType(name.slice(0, -2));
  // Of other types it is not known how their arrays are written.
  return element === null ? { kind: 'other', store: null, name: text } : { kind: 'array', element };
}

function scalarType(name: string): LogicalType | null {
  const plain = PLAIN.get(name);
  if (plain !== undefined) return plain;
  for (const [pattern, read] of PATTERNS) {
    const match = pattern.exec(name);
    if (match !== null) return read(match.slice(1).map((part) => numberOf(part)));
  }
  return null;
}

function numberOf(part: string | undefined): number | null {
  return part === undefined ? null : Number(part);
}

function integer(bits: 16 | 32 | 64): LogicalType {
  return { kind: 'integer', bits, signed: true };
}

function float(bits: 32 | 64): LogicalType {
  return { kind: 'float', bits };
}

/** No plain object: `constructor` is no type. */
const PLAIN: ReadonlyMap<string, LogicalType> = new Map(
  Object.entries<LogicalType>({
    boolean: { kind: 'boolean' },
    bool: { kind: 'boolean' },
    smallint: integer(16),
    int2: integer(16),
    integer: integer(32),
    int: integer(32),
    int4: integer(32),
    bigint: integer(64),
    int8: integer(64),
    real: float(32),
    float4: float(32),
    'double precision': float(64),
    float8: float(64),
    text: { kind: 'string', length: null, fixed: false, comparison: 'bytes' },
    bytea: { kind: 'bytes', length: null, fixed: false },
    date: { kind: 'date' },
    uuid: { kind: 'uuid' },
    json: { kind: 'json', exact: true },
    jsonb: { kind: 'json', exact: false },
    'bson.id': { kind: 'document' },
    'bson.document': { kind: 'document' },
  }),
);

type Numbers = readonly (number | null)[];

/** Each with what the numbers in it say. */
const PATTERNS: readonly (readonly [RegExp, (numbers: Numbers) => LogicalType])[] = [
  [
    /^(?:numeric|decimal|dec)(?: ?\( ?(\d+) ?(?:, ?(-?\d+) ?)?\))?$/,
    ([precision = null, scale = null]) => ({
      kind: 'decimal',
      precision,
      scale: precision === null ? null : (scale ?? 0),
    }),
  ],
  [
    /^(?:character varying|varchar|char varying)(?: ?\( ?(\d+) ?\))?$/,
    ([length = null]) => ({ kind: 'string', length, fixed: false, comparison: 'bytes' }),
  ],
  [
    /^(?:character|char)(?: ?\( ?(\d+) ?\))?$/,
    ([length]) => ({ kind: 'string', length: length ?? 1, fixed: true, comparison: 'padded' }),
  ],
  [
    /^(?:bit varying|varbit)(?: ?\( ?(\d+) ?\))?$/,
    ([length = null]) => ({ kind: 'bits', length, varying: true }),
  ],
  [
    /^bit(?: ?\( ?(\d+) ?\))?$/,
    ([length]) => ({ kind: 'bits', length: length ?? 1, varying: false }),
  ],
  [/^time(?: ?\( ?(\d+) ?\))?(?: without time zone)?$/, ([fraction]) => time(fraction, false)],
  [/^time(?: ?\( ?(\d+) ?\))? with time zone$/, ([fraction]) => time(fraction, true)],
  [/^timetz(?: ?\( ?(\d+) ?\))?$/, ([fraction]) => time(fraction, true)],
  [
    /^timestamp(?: ?\( ?(\d+) ?\))?(?: without time zone)?$/,
    ([fraction]) => timestamp(fraction, false),
  ],
  [/^timestamp(?: ?\( ?(\d+) ?\))? with time zone$/, ([fraction]) => timestamp(fraction, true)],
  [/^timestamptz(?: ?\( ?(\d+) ?\))?$/, ([fraction]) => timestamp(fraction, true)],
  [
    /^interval(?: (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?(?: ?\( ?\d+ ?\))?$/,
    () => ({ kind: 'interval' }),
  ],
];

function time(fraction: number | null | undefined, zone: boolean): LogicalType {
  return { kind: 'time', precision: fraction ?? MICROSECONDS, zone, duration: false };
}

function timestamp(fraction: number | null | undefined, zone: boolean): LogicalType {
  return { kind: 'timestamp', precision: fraction ?? MICROSECONDS, zone };
}
