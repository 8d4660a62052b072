import { BSON, BsonWriter } from '../../shared/document/bson-writer.ts';

type Pick = (below: number) => number;
type BsonKind = keyof typeof BSON;

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Values of each type of BSON as bytes, the edges of what it holds; a type that is added must have some. */
const EDGES: Readonly<Record<BsonKind, readonly Buffer[]>> = {
  double: [0, -0, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 1, 2 ** 53, 0.1, -1.5].map((value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return bytes;
  }),
  string: ['', 'NULL', 'ünï 🐟', '$oid', '{"a":1}', '\u2028"\\\n'].map(stringBytes),
  document: [documentBytes([]), documentBytes([['$', 'int32', hex('01000000')]]), documentBytes([['', 'null', hex('')], ['a.b', 'null', hex('')], ['__proto__', 'int32', hex('01000000')]]), documentBytes([['z', 'null', hex('')], ['10', 'null', hex('')], ['9', 'null', hex('')], ['a', 'null', hex('')]])],
  array: [documentBytes([]), documentBytes([['0', 'int32', hex('01000000')], ['1', 'int32', hex('02000000')]]), documentBytes([['0', 'int32', hex('01000000')], ['1', 'null', hex('')], ['2', 'string', stringBytes('x')]])],
  binary: [[0, ''], [0, '00ff'], [1, '01'], [2, '02000000 abcd'], [3, '00112233445566778899aabbccddeeff'], [4, '00112233445566778899aabbccddeeff'], [5, 'aa'], [128, 'ff']].map(([subtype, data]) => {
    const bytes = hex(data as string);
    const head = Buffer.alloc(5);
    head.writeInt32LE(bytes.length);
    head[4] = subtype as number;
    return Buffer.concat([head, bytes]);
  }),
  undefined: [hex('')],
  objectId: [hex('000000000000000000000000'), hex('0123456789abcdef01234567')],
  boolean: [hex('00'), hex('01')],
  date: [0n, 1n, -1n, 253_402_300_799_999n, -62_135_596_800_000n, 8_640_000_000_000_001n, -(2n ** 63n), 2n ** 63n - 1n].map(longBytes),
  null: [hex('')],
  regex: [Buffer.from('^a.*\0i\0'), Buffer.from('\0\0'), Buffer.from('ü/"\0imsx\0')],
  pointer: [Buffer.concat([stringBytes('db.c'), hex('0123456789abcdef01234567')])],
  code: [stringBytes('function () {}')],
  symbol: [stringBytes('sym')],
  scope: [scopeBytes('f()', documentBytes([['x', 'int32', hex('01000000')]]))],
  int32: [hex('00000000'), hex('ffffff7f'), hex('00000080')],
  timestamp: [hex('0000000000000000'), hex('ffffffffffffffff'), hex('0100000000000080')],
  int64: [0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)].map(longBytes),
  decimal128: [
    // 0, -0, 1.0, 1.00, 1E+3, NaN, Infinity, -Infinity, the largest and the smallest.
    ...['00000000000000000000000000004030', '000000000000000000000000000040b0', '0a000000000000000000000000003e30', '64000000000000000000000000003c30', '01000000000000000000000000004630'],
    ...['0000000000000000000000000000007c', '00000000000000000000000000000078', '000000000000000000000000000000f8', 'ffffffff638e8d37c087adbe09edff5f', '01000000000000000000000000000000'],
  ].map(hex),
  minKey: [hex('')],
  maxKey: [hex('')],
}; // prettier-ignore

export const BSON_KINDS = Object.keys(EDGES) as BsonKind[];

/** A document of BSON with all edges of one type, beside values of any. `id` is any value. */
export function edgesOf(kind: BsonKind, id: number): Buffer {
  return documentBytes([
    ['_id', 'int32', intBytes(id)],
    ...EDGES[kind].map((value, i): Field => [`f${i}`, kind, value]),
  ]);
}

/** A document of values of any type, in lists and documents, too. */
export function randomDocument(pick: Pick, id: number): Buffer {
  const fields = (depth: number): Field[] =>
    Array.from({ length: pick(6) }, (_, i) => field(`${'zyx$é'[pick(5)]}${i}`, depth));
  const field = (name: string, depth: number): Field => {
    const kind = BSON_KINDS[pick(BSON_KINDS.length)]!;
    if (kind === 'document' && depth > 0) return [name, kind, documentBytes(fields(depth - 1))];
    if (kind === 'array' && depth > 0)
      return [name, kind, documentBytes(fields(depth - 1).map(([, ...rest], i) => [`${i}`, ...rest]))];
    return [name, kind, EDGES[kind][pick(EDGES[kind].length)]!];
  }; // prettier-ignore
  return documentBytes([['_id', 'int32', intBytes(id)], ...fields(3)]);
}

type Field = [name: string, kind: BsonKind, value: Buffer];

export function documentBytes(fields: readonly Field[]): Buffer {
  const writer = new BsonWriter();
  const start = writer.begin();
  for (const [name, kind, value] of fields) {
    writer.head(BSON[kind], Buffer.from(`${name}\0`));
    writer.raw(value);
  }
  writer.end(start);
  return writer.copyFrom(0);
}

function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([intBytes(bytes.length), bytes]);
}

function scopeBytes(code: string, scope: Buffer): Buffer {
  const inner = Buffer.concat([stringBytes(code), scope]);
  return Buffer.concat([intBytes(inner.length + 4), inner]);
}

function intBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function longBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
