import type { Relation, RouteForm } from './relation.ts';
import { WRITE_FORMS } from './route-form.ts';

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
  const isRaw = (form: RouteForm | null, i: number): boolean =>
    form === 'same' || (form !== null && columns[carried[i]!]!.encoding === 'binary');
  const raw = forms.map(isRaw);
  if (raw.every((each) => each)) return first === 0 ? (key) => key : (row) => row.subarray(first);
  return converted(forms, raw, first);
}

/** Each value of the route with its length before it, as in a key. */
function converted(
  forms: readonly (RouteForm | null)[],
  raw: readonly boolean[],
  first: number,
): RoutingBytes {
  let scratch = Buffer.allocUnsafeSlow(256);
  const writers = forms.map((form, i) => (form === null || raw[i] ? null : WRITE_FORMS[form]));
  return (key) => {
    // No binary form of the list is longer than its text but for this much.
    const most = key.length + 8 * forms.length;
    if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(2 * most);
    let to = 0;
    let at = first;
    for (let i = 0; i < forms.length; i++) {
      const length = key.readInt32BE(at);
      const end = at + 4 + Math.max(0, length);
      if (forms[i] !== null) {
        const write = writers[i];
        if (length < 0 || write === null || write === undefined)
          to += key.copy(scratch, to, at, end);
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
