import { readTuple, type Value } from './row.ts';

/** The tuples in bytes that hold only whole ones. */
export function* tuplesIn(bytes: Buffer): Generator<Value[]> {
  for (let at = 0; at < bytes.length;) {
    const { values, end } = readTuple(bytes, at);
    yield values;
    at = end;
  }
}
