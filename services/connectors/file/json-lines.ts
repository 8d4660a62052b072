import { LosslessNumber, parse, stringify } from 'lossless-json';
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

/** What type a column needs that holds the value; null where any will do. */
export function typeOfValue(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return 'boolean';
  if (value instanceof LosslessNumber) return isBigint(value.value) ? 'bigint' : 'numeric';
  return typeof value === 'string' ? 'text' : 'jsonb';
}

function isBigint(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

/** The type of a column that holds values of both. */
export function widerType(a: string | null, b: string | null): string | null {
  if (a === null || b === null || a === b) return a ?? b;
  const numbers = ['bigint', 'numeric'];
  return numbers.includes(a) && numbers.includes(b) ? 'numeric' : 'text';
}
