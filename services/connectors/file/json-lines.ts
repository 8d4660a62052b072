import { LosslessNumber, parse, stringify } from 'lossless-json';
import type { LogicalType } from '../../../shared/schema/logical-type.ts';
import { unfit } from './file-text.ts';

/** An object of a line; numbers are as they were written. */
export type JsonRecord = Record<string, unknown>;

/** The objects of JSON lines; empty lines are passed over. */
export async function* readJsonLines(
  text: AsyncIterable<string>,
  file: string,
): AsyncGenerator<JsonRecord> {
  let rest = '';
  let line = 0;
  for await (const piece of text) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop()!;
    for (const each of lines) {
      line++;
      if (!isBlank(each)) yield parseRecord(each, file, line);
    }
  }
  if (!isBlank(rest)) yield parseRecord(rest, file, line + 1);
}

function isBlank(line: string): boolean {
  return line === '' || line === '\r';
}

function parseRecord(line: string, file: string, number: number): JsonRecord {
  let value: unknown;
  try {
    value = parse(line);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as JsonRecord;
  throw unfit(file, `has no JSON object in line ${number} of what was read at once; correct it`);
}

/** The text of a value as a tuple has it; null is NULL. */
export function toValueText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value instanceof LosslessNumber) return value.value;
  return stringify(value) ?? null;
}

const BIGINT: LogicalType = { kind: 'integer', bits: 64, signed: true };
const NUMERIC: LogicalType = { kind: 'decimal', precision: null, scale: null };
const TEXT: LogicalType = { kind: 'string', length: null, fixed: false, comparison: 'bytes' };

/** What type a column needs that holds the value; null where any will do. */
export function typeOfValue(value: unknown): LogicalType | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return { kind: 'boolean' };
  if (value instanceof LosslessNumber) return isBigint(value.value) ? BIGINT : NUMERIC;
  return typeof value === 'string' ? TEXT : { kind: 'json', exact: false };
}

function isBigint(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

/** The type of a column that holds values of both. */
export function widerType(a: LogicalType | null, b: LogicalType | null): LogicalType | null {
  if (a === null || b === null || a.kind === b.kind) return a ?? b;
  return isNumber(a) && isNumber(b) ? NUMERIC : TEXT;
}

function isNumber({ kind }: LogicalType): boolean {
  return kind === 'integer' || kind === 'decimal';
}
