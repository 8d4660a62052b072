import { expect, it } from 'vitest';
import { createRandom } from '../../infra/demo/random.ts';
import { fromCanonical, logicalOfBson } from '../../shared/document/bson-logical.ts';
import { readElements } from '../../shared/document/bson-reader.ts';
import { BSON } from '../../shared/document/bson-writer.ts';
import { documentField } from '../../shared/document/document-field.ts';
import { toFieldText } from '../../shared/document/field-text.ts';
import { compileCodec } from '../../shared/row/canonical/compile-codec.ts';
import { Refusal } from '../../shared/row/canonical/refusal.ts';
import { showType } from '../../shared/schema/show-type.ts';
import { BSON_KINDS, edgesOf, randomDocument } from '../support/random-document.ts';

/** Kinds of logical types that values of BSON have. */
const seen = new Set<string>();

function comesBack(bytes: Buffer, element: { type: number; from: number; to: number }): string {
  const value = { ...element, bytes };
  const given = Buffer.concat([Buffer.from([value.type]), bytes.subarray(value.from, value.to)]);
  const logical = logicalOfBson(value);
  if (logical === null) return value.type === BSON.null || value.type === BSON.undefined ? 'same' : 'none'; // prettier-ignore
  seen.add(logical.kind);
  const field = documentField({ type: showType(logical), logical });
  let text: Buffer;
  try {
    text = Buffer.from(toFieldText(field, value)! as string);
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
  const codec = compileCodec(logical);
  if (!codec.isCanonical(text, 0, text.length) && codec.read(text.toString()) !== text.toString())
    return 'not canonical';
  const back = fromCanonical(logical, text);
  if (back.equals(given)) return 'same';
  const again = toFieldText(field, { type: back[0]!, bytes: back, from: 1, to: back.length });
  return Buffer.from(again as string).equals(text) ? 'same value' : 'other';
}

it('a value of every type of BSON has a logical type, and comes back from its canonical form as it was', () => {
  const seed = Number(process.env['WEIR_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`logical types of BSON: WEIR_SEED=${seed}\n`);
  const pick = createRandom(seed);
  const random = Array.from({ length: 500 }, (_, i) => randomDocument(pick, i));
  for (const bytes of [...BSON_KINDS.map((kind) => edgesOf(kind, 0)), ...random]) {
    for (const element of readElements(bytes)) {
      const found = comesBack(bytes, element);
      const kind = BSON_KINDS.find((each) => BSON[each] === element.type)!;
      const allowed = { decimal128: ['same value'], date: ['it is beyond the days that databases count'] }[kind as string] ?? []; // prettier-ignore
      expect(['same', ...allowed], kind).toContain(found);
    }
  }
  expect([...seen].sort()).toEqual(
    ['array', 'boolean', 'bytes', 'decimal', 'document', 'float', 'integer', 'objectId', 'other', 'string', 'timestamp', 'uuid'], // prettier-ignore
  );
});
