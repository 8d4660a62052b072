import { BSON as library } from 'bson';
import { type BsonElement, readElements } from '../../../shared/document/bson-reader.ts';
import { BSON, BsonWriter } from '../../../shared/document/bson-writer.ts';

/** As JavaScript sees a document: numbers, bigints, dates; its ids, decimals and bytes are those of the library `bson`. */
export const AS_VALUES = { useBigInt64: true } as const;

/**
 * What code has made of a document, with the BSON types that the document had: JavaScript does not tell 1 from 1.0, so a
 * value that it left as it was is taken from the document, and a number that it changed keeps its type where it can.
 */
export function withSameTypes(document: Buffer, made: Buffer): Buffer {
  const plain = Buffer.from(library.serialize(library.deserialize(document, AS_VALUES)));
  const writer = new BsonWriter();
  write(
    writer,
    { bytes: document, start: 0 },
    { bytes: plain, start: 0 },
    { bytes: made, start: 0 },
  );
  return writer.copyFrom(0);
}

interface Place {
  bytes: Buffer;
  start: number;
}

/** `plain`: the document as it would be written if the code left it as it is. */
function write(writer: BsonWriter, document: Place, plain: Place, made: Place): void {
  const [before, same] = [elementsIn(document), elementsIn(plain)];
  const start = writer.begin();
  for (const element of readElements(made.bytes, made.start)) {
    const { name, type, from, to } = element;
    const [old, unchanged] = [before.get(name), same.get(name)];
    const title = Buffer.from(`${name}\0`);
    const value = made.bytes.subarray(from, to);
    if (old === undefined || unchanged === undefined) {
      writer.head(type, title);
      writer.raw(value);
    } else if (type === unchanged.type && value.equals(bytesOf(plain, unchanged))) {
      writer.head(old.type, title);
      writer.raw(bytesOf(document, old));
    } else if (isNested(type) && type === old.type && type === unchanged.type) {
      writer.head(type, title);
      write(
        writer,
        { bytes: document.bytes, start: old.from },
        { bytes: plain.bytes, start: unchanged.from },
        { bytes: made.bytes, start: from },
      );
    } else if (type === BSON.int32 && old.type === BSON.double) {
      writer.head(BSON.double, title);
      writer.double(made.bytes.readInt32LE(from));
    } else {
      writer.head(type, title);
      writer.raw(value);
    }
  }
  writer.end(start);
}

function elementsIn({ bytes, start }: Place): Map<string, BsonElement> {
  return new Map([...readElements(bytes, start)].map((each) => [each.name, each]));
}

function bytesOf({ bytes }: Place, { from, to }: BsonElement): Buffer {
  return bytes.subarray(from, to);
}

function isNested(type: number): boolean {
  return type === BSON.document || type === BSON.array;
}
