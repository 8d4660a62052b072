import { DatasyncError, reasonOf } from './datasync-error.ts';

/** Makes a value of its bytes; throwing fails this key and no other. */
export type Decode<T> = (bytes: Uint8Array) => T;
export type Encode = (value: unknown) => Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON; `schema` is whatever has a `parse`, and says what a value must look like. */
export function json<T = unknown>(schema?: { parse(value: unknown): T }): Decode<T> {
  return (bytes) => {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return schema === undefined ? (value as T) : schema.parse(value);
  };
}

/** The bytes as they are. */
export function bytes(): Decode<Uint8Array> {
  return (value) => value;
}

/** What a publisher does with a value: bytes go as they are, everything else as JSON. */
export function encodeValue(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  // Its type does not say that functions and undefined have no text.
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined)
    throw new DatasyncError('INVALID', `a value of type ${typeof value} has no JSON; give another`);
  return encoder.encode(text);
}

export function decodeValue<T>(decode: Decode<T>, key: string, value: Uint8Array): T {
  try {
    return decode(value);
  } catch (error) {
    throw new DatasyncError('DECODE', `the value of "${key}" cannot be read: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
