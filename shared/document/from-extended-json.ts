import { Decimal128 } from 'bson';
import { type JsonTree, parseJson } from '../row/canonical/json-tree.ts';
import { parseDigits, plainDigits } from '../row/canonical/number-digits.ts';
import { refuse } from '../row/canonical/refusal.ts';
import { BSON, BsonWriter, SUBTYPE_OLD_BINARY, SUBTYPE_UUID } from './bson-writer.ts';
import { type JsonWrapper, wrapperOf } from './json-wrapper.ts';

type JsonObject = Extract<JsonTree, { kind: 'object' }>;

/**
 * The BSON document that Extended JSON says: the other way of `toExtendedJson`. Numbers and instants that people write
 * plainly are understood: a number is the smallest type that holds it. Throws `Refusal`.
 */
export function fromExtendedJson(text: string): Buffer {
  const tree = parseJson(text);
  if (tree.kind !== 'object' || wrapperOf([...tree.fields.keys()]) !== null)
    return refuse('it is no document');
  scratch.clear();
  writeDocument(scratch, tree);
  return scratch.copyFrom(0);
}

const scratch = new BsonWriter();

function writeDocument(writer: BsonWriter, { fields }: JsonObject): void {
  const start = writer.begin();
  for (const [name, value] of fields) writeElement(writer, name, value);
  writer.end(start);
}

function writeElement(writer: BsonWriter, name: string, tree: JsonTree): void {
  if (name.includes('\0')) refuse('it has the character U+0000 in a name');
  const head = (type: number): number => writer.head(type, Buffer.from(`${name}\0`));
  switch (tree.kind) {
    case 'literal':
      if (tree.text === 'null') head(BSON.null);
      else {
        head(BSON.boolean);
        writer.byte(tree.text === 'true' ? 1 : 0);
      }
      return;
    case 'number':
      writeNumber(writer, head, tree.text);
      return;
    case 'string':
      head(BSON.string);
      writeString(writer, tree.text);
      return;
    case 'array': {
      head(BSON.array);
      const start = writer.begin();
      tree.items.forEach((item, i) => writeElement(writer, String(i), item));
      writer.end(start);
      return;
    }
    case 'object': {
      const wrapper = wrapperOf([...tree.fields.keys()]);
      if (wrapper !== null) {
        writeWrapped(writer, head, wrapper, tree);
        return;
      }
      head(BSON.document);
      writeDocument(writer, tree);
    }
  }
}

function writeNumber(writer: BsonWriter, head: (type: number) => number, text: string): void {
  if (!/^-?\d{1,19}$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) {
    head(BSON.double);
    writer.double(Number(text));
  } else if (BigInt.asIntN(32, BigInt(text)) === BigInt(text)) {
    head(BSON.int32);
    writer.int32(Number(text));
  } else {
    head(BSON.int64);
    writer.int64(BigInt(text));
  }
}

function writeWrapped(
  writer: BsonWriter,
  head: (type: number) => number,
  wrapper: JsonWrapper,
  object: JsonObject,
): void {
  const inner = object.fields.get(wrapper)!;
  switch (wrapper) {
    case '$undefined':
      head(BSON.undefined);
      return;
    case '$minKey':
      head(BSON.minKey);
      return;
    case '$maxKey':
      head(BSON.maxKey);
      return;
    case '$numberInt':
      head(BSON.int32);
      writer.int32(Number(wholeOf(inner, 32)));
      return;
    case '$numberLong':
      head(BSON.int64);
      writer.int64(wholeOf(inner, 64));
      return;
    case '$numberDouble':
      head(BSON.double);
      writer.double(doubleOf(textOf(inner)));
      return;
    case '$numberDecimal':
      head(BSON.decimal128);
      writer.raw(decimalOf(textOf(inner)));
      return;
    case '$oid':
      head(BSON.objectId);
      writer.raw(hexOf(textOf(inner), 12));
      return;
    case '$date':
      head(BSON.date);
      writer.int64(instantOf(inner));
      return;
    case '$timestamp':
      head(BSON.timestamp);
      writer.int64(BigInt.asIntN(64, (unsignedOf(inner, 't') << 32n) | unsignedOf(inner, 'i')));
      return;
    case '$uuid':
      head(BSON.binary);
      writeBinary(writer, SUBTYPE_UUID, hexOf(textOf(inner).replaceAll('-', ''), 16));
      return;
    case '$binary':
      head(BSON.binary);
      writeBinary(writer, hexOf(textIn(inner, 'subType').padStart(2, '0'), 1)[0]!, base64Of(textIn(inner, 'base64'))); // prettier-ignore
      return;
    case '$regularExpression':
      head(BSON.regex);
      for (const part of ['pattern', 'options']) writer.raw(cString(textIn(inner, part)));
      return;
    case '$symbol':
      head(BSON.symbol);
      writeString(writer, textOf(inner));
      return;
    case '$code':
      writeCode(writer, head, textOf(inner), object.fields.get('$scope'));
      return;
    case '$dbPointer':
      head(BSON.pointer);
      writeString(writer, textIn(inner, '$ref'));
      writer.raw(hexOf(textIn(fieldOf(inner, '$id'), '$oid'), 12));
  }
}

function writeString(writer: BsonWriter, text: string): void {
  const bytes = Buffer.from(text);
  writer.string(bytes, 0, bytes.length);
}

function writeBinary(writer: BsonWriter, subtype: number, bytes: Buffer): void {
  const isOld = subtype === SUBTYPE_OLD_BINARY;
  writer.int32(bytes.length + (isOld ? 4 : 0));
  writer.byte(subtype);
  if (isOld) writer.int32(bytes.length);
  writer.raw(bytes);
}

function writeCode(
  writer: BsonWriter,
  head: (type: number) => number,
  code: string,
  scope: JsonTree | undefined,
): void {
  if (scope === undefined) {
    head(BSON.code);
    writeString(writer, code);
    return;
  }
  if (scope.kind !== 'object') refuse(WRONG);
  const inner = new BsonWriter();
  writeString(inner, code);
  writeDocument(inner, scope as JsonObject);
  head(BSON.scope);
  writer.int32(inner.length + 4);
  writer.raw(inner.copyFrom(0));
}

const WRONG = 'it is no value as Extended JSON writes it';

function fieldOf(tree: JsonTree, name: string): JsonTree {
  return (tree.kind === 'object' ? tree.fields.get(name) : undefined) ?? refuse(WRONG);
}

function textOf(tree: JsonTree): string {
  return tree.kind === 'string' ? tree.text : refuse(WRONG);
}

function textIn(tree: JsonTree, name: string): string {
  return textOf(fieldOf(tree, name));
}

function wholeOf(tree: JsonTree, bits: number): bigint {
  const text = textOf(tree);
  const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : refuse(WRONG);
  return BigInt.asIntN(bits, value) === value ? value : refuse(WRONG);
}

/** A database may have written the number out, or with an exponent. */
function unsignedOf(tree: JsonTree, name: string): bigint {
  const field = fieldOf(tree, name);
  const digits = field.kind === 'number' ? parseDigits(field.text) : null;
  const value = BigInt((digits && plainDigits(digits, 0)) ?? refuse(WRONG));
  return BigInt.asUintN(32, value) === value ? value : refuse(WRONG);
}

function doubleOf(text: string): number {
  if (['NaN', 'Infinity', '-Infinity'].includes(text)) return Number(text);
  return parseDigits(text) === null ? refuse(WRONG) : Number(text);
}

function decimalOf(text: string): Uint8Array {
  try {
    return Decimal128.fromString(text).bytes;
  } catch {
    return refuse('it is no decimal of 34 digits');
  }
}

function instantOf(tree: JsonTree): bigint {
  if (tree.kind === 'object') return wholeOf(fieldOf(tree, '$numberLong'), 64);
  const ms = Date.parse(textOf(tree));
  return Number.isNaN(ms) ? refuse(WRONG) : BigInt(ms);
}

function hexOf(text: string, bytes: number): Buffer {
  return /^[0-9a-f]*$/i.test(text) && text.length === 2 * bytes ? Buffer.from(text, 'hex') : refuse(WRONG);
} // prettier-ignore

function base64Of(text: string): Buffer {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : refuse(WRONG);
}

function cString(text: string): Buffer {
  return text.includes('\0') ? refuse(WRONG) : Buffer.from(`${text}\0`);
}
