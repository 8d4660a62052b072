import { type ColumnType, logicalOf } from '../change/column-type.ts';
import { type Codec } from '../row/canonical/codec.ts';
import { compileCodec } from '../row/canonical/compile-codec.ts';
import type { LogicalType } from '../schema/logical-type.ts';
import { type FieldType, fieldTypeOf } from './field-type.ts';

/** A column as a field of a document, by its type alone. */
export interface DocumentField extends FieldType {
  /**
   * Of its values, or of the elements of its arrays, where they come from a row and are in their canonical form: what a
   * document does not take apart is not looked at.
   */
  inner: Codec;
  /** The same of values that come from outside. */
  codec: Codec;
  /** Of its values, arrays as a whole. */
  whole: Codec;
}

export function documentField(column: ColumnType): DocumentField {
  const logical = logicalOf(column);
  const known = fields.get(logical);
  if (known !== undefined) return known;
  const element = logical.kind === 'array' ? logical.element : logical;
  const field = {
    ...fieldTypeOf(column),
    inner: compileCodec(TAKEN_APART.has(element.kind) ? element : TEXT),
    codec: compileCodec(element),
    whole: compileCodec(logical),
  };
  fields.set(logical, field);
  return field;
}

const fields = new WeakMap<LogicalType, DocumentField>();
const TAKEN_APART: ReadonlySet<LogicalType['kind']> = new Set([
  ...(['boolean', 'integer', 'float', 'decimal', 'bytes', 'uuid'] as const),
  ...(['date', 'timestamp', 'objectId', 'document'] as const),
]);
const TEXT = { kind: 'string', length: null, fixed: false, comparison: 'bytes' } as const;
