import { type ColumnType, logicalOf } from '../../change/column-type.ts';
import type { LogicalType } from '../../schema/logical-type.ts';
import { type Codec } from './codec.ts';
import { compileCodec } from './compile-codec.ts';

const codecs = new WeakMap<LogicalType, Codec>();

/** Made once for a type. */
export function columnCodec(column: ColumnType): Codec {
  const type = logicalOf(column);
  let codec = codecs.get(type);
  if (codec === undefined) codecs.set(type, (codec = compileCodec(type)));
  return codec;
}
