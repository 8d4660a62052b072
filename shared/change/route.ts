import { KEY_FORMS } from '../row/key-form/key-form.ts';
import { mostBytes, type WriteForm } from '../row/key-form/write-form.ts';
import type { Relation } from './relation.ts';

/** The part of a key (of a row, where rows have none) that the lane follows from; a view until the next call. */
export type RoutingBytes = (key: Buffer) => Buffer;

/**
 * How the lane of a relation's rows is found, whatever form their values travel in. Null: they all take one lane. Where
 * all of the key comes in the form of the route, as the keys of most tables do, it is its bytes as they are.
 */
export function compileRoute(relation: Relation): RoutingBytes | null {
  const { order, route, identity, columns } = relation;
  if (order !== 'key' || route?.length === 0) return null;
  if (route === undefined) return (key) => key;
  const isKey = identity === 'key';
  const carried = isKey ? relation.key : columns.map((_, i) => i);
  const forms = carried.map((column) => route.find((part) => part.column === column)?.form ?? null);
  const first = isKey ? 0 : 2;
  const writers = forms.map((form, i) =>
    form === null ? LEFT_OUT : KEY_FORMS[form][columns[carried[i]!]!.encoding],
  );
  if (writers.every((writer) => writer === null))
    return first === 0 ? (key) => key : (row) => row.subarray(first);
  return converted(writers, first);
}

const LEFT_OUT = 'left out';

/** Each value of the route with its length before it, as in a key; null: it has the form already. */
function converted(
  writers: readonly (WriteForm | null | typeof LEFT_OUT)[],
  first: number,
): RoutingBytes {
  let scratch = Buffer.allocUnsafeSlow(256);
  return (key) => {
    const most = mostBytes(key.length, writers.length);
    if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(2 * most);
    let to = 0;
    let at = first;
    for (let i = 0; i < writers.length; i++) {
      const length = key.readInt32BE(at);
      const end = at + 4 + Math.max(0, length);
      const write = writers[i]!;
      if (write !== LEFT_OUT) {
        if (length < 0 || write === null) to += key.copy(scratch, to, at, end);
        else {
          const written = write(scratch, to + 4, key, at + 4, end);
          scratch.writeInt32BE(written - to - 4, to);
          to = written;
        }
      }
      at = end;
    }
    return scratch.subarray(0, to);
  };
}
