import { BSON, Decimal128, Long } from 'bson';
import type { BsonValue } from '../../proto/gen/adiom/v1/adiom.ts';
import type { Column, Relation } from '../../shared/change/relation.ts';
import { columnOffsets } from '../../shared/change/tuple.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';

/**
 * Rows of text values (`data-type.ts`) as BSON documents. What BSON has a type for without losing anything becomes that,
 * by the column's type alone and never by the value; all else stays text:
 *
 *     boolean             bool        double precision    double
 *     integer             int32       numeric             decimal128 up to 34 digits, refused beyond
 *     bigint              int64       everything else     string (BSON's date has no microseconds)
 *
 * A document has all columns under their names, NULL as null, and before them `_id`: the value of a key of one column,
 * for several a document of them in the order of the key.
 */
export function toDocument(relation: Relation, tuple: Buffer): Uint8Array {
  const offsets = columnOffsets(tuple);
  const values = relation.columns.map((column, i) =>
    toValue(column, tuple, offsets[i]!, offsets[i + 1]!),
  );
  const document: Record<string, unknown> = { _id: idOf(relation, (i) => values[i]) };
  relation.columns.forEach(({ name }, i) => (document[name] = values[i]));
  return BSON.serialize(document);
}

/** The `_id` alone of a key (`tuple.ts`: the key's columns with their lengths). */
export function toId(relation: Relation, key: Buffer): BsonValue {
  let at = 0;
  const values = new Map<number, unknown>();
  for (const column of relation.key) {
    const end = at + 4 + Math.max(0, key.readInt32BE(at));
    values.set(column, toValue(relation.columns[column]!, key, at, end));
    at = end;
  }
  const bytes = BSON.serialize({ _id: idOf(relation, (i) => values.get(i)) });
  // length: 4, type: 1, "_id" and its end: 4, value, end of the document: 1
  return { type: bytes[4]!, data: bytes.subarray(9, bytes.length - 1), name: '_id' };
}

function idOf(relation: Relation, valueOf: (column: number) => unknown): unknown {
  const [first, ...more] = relation.key;
  if (first === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      `the rows of ${relation.namespace} have no key, and a document needs an _id; leave it out`,
    );
  if (more.length === 0) return valueOf(first);
  return Object.fromEntries(relation.key.map((i) => [relation.columns[i]!.name, valueOf(i)]));
}

function toValue({ name, type }: Column, bytes: Buffer, start: number, end: number): unknown {
  if (bytes.readInt32BE(start) < 0) return null;
  const text = bytes.toString('utf8', start + 4, end);
  if (type.startsWith('numeric')) {
    if (text.replace(/^-?0*|\D/g, '').length > 34)
      throw new WeirError(
        'NOT_SUPPORTED',
        `a number in the column ${name} has more than the 34 digits that BSON can carry; leave the namespace out`,
      );
    return Decimal128.fromString(text);
  }
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 't';
    case 'integer':
    case 'smallint':
      return Number(text);
    case 'bigint':
      return Long.fromString(text);
    case 'double precision':
      return new BSON.Double(Number(text));
    default:
      return text;
  }
}
