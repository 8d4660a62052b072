import type { Relation } from '../../shared/change/relation.ts';
import {
  createRow,
  readKey,
  readTuple,
  type Row,
  tupleEnd,
  type Value,
  writeKey,
  writeTuple,
} from './row.ts';

/** How rows of a namespace are read before the first step, and written behind the last. */
export interface RowForm {
  /** `partial`: the tuple does not bring everything. */
  read(kind: Row['kind'], tuple: Buffer, partial: boolean): Row;
  readKey(key: Buffer): Row;
  /** A row with nothing but the key of the tuple, as a delete brings it. */
  keyAlone(tuple: Buffer): Row;
  /** Before the first step: the key as people read it. */
  describeKey(row: Row): string;
  /** Something of the row did not come. */
  isPartial(row: Row): boolean;
  /** New bytes. */
  write(row: Row): Buffer;
  /** Bare. New bytes. */
  writeKey(row: Row): Buffer;
}

/** Of rows of columns. */
export function columnForm(source: Relation, target: Relation): RowForm {
  const { key, columns } = source;
  const shown = (value: Value): string =>
    Buffer.isBuffer(value) ? value.toString('utf8') : 'NULL';
  return {
    read: (kind, tuple) => createRow(kind, readTuple(tuple).values, false, tuple),
    readKey: (bytes) => createRow('delete', readKey(bytes, key, columns.length), true, bytes),
    keyAlone(tuple) {
      const { values } = readTuple(tuple);
      const bare = values.map((value, place) => (key.includes(place) ? value : undefined));
      return createRow('delete', bare, true, tuple);
    },
    describeKey: ({ values }) =>
      key.map((place) => `${columns[place]!.name} = ${shown(values[place])}`).join(', '),
    isPartial: ({ values }) => values.includes(undefined),
    write: ({ values }) => writeTuple(values),
    writeKey: ({ values }) => writeKey(target.key.map((place) => values[place])),
  };
}

/** The tuples in bytes that hold only whole ones: views. */
export function* tuplesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = tupleEnd(bytes, at);
    yield bytes.subarray(at, end);
    at = end;
  }
}
