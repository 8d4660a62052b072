import { expect, it } from 'vitest';
import { toTuple } from '../../../../shared/change/tuple.ts';
import { toCopyMessages } from './copy-in.ts';
import { inSets, readCopiedTuples } from './copy-tuples.ts';

async function* cut(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function message(payload: string): Buffer {
  const head = Buffer.from('d\0\0\0\0');
  head.writeInt32BE(4 + Buffer.byteLength(payload), 1);
  return Buffer.concat([head, Buffer.from(payload)]);
}

it.each([1, 3, 1000])('reads the rows of a binary copy, cut every %i bytes', async (pieceBytes) => {
  const rows = [toTuple(['a', null, '']), toTuple(['x'.repeat(300), 'é', null])];
  const bytes = Buffer.concat([...toCopyMessages(rows)]);
  expect(await all(readCopiedTuples(cut(bytes, pieceBytes), 'binary'))).toEqual(rows);
});

it.each([1, 3, 1000])('reads the rows of a text copy, cut every %i bytes', async (pieceBytes) => {
  const lines = ['1\t\\N\t', 'a\\tb\\\\N\tc\\nd\\r\\b\\f\\v\t\\\\.'];
  const bytes = Buffer.concat(lines.map((line) => message(`${line}\n`)));
  expect(await all(readCopiedTuples(cut(bytes, pieceBytes), 'text'))).toEqual([
    toTuple(['1', null, '']),
    toTuple(['a\tb\\N', 'c\nd\r\b\f\v', '\\.']),
  ]);
});

it('gives rows in sets of bounded number and size', async () => {
  const rows = [1, 1, 1, 9, 1].map((bytes) => Buffer.alloc(bytes));
  const sets = await all(inSets(cut(Buffer.alloc(0), 1), 2, 5));
  expect(sets).toEqual([]);
  async function* given(): AsyncGenerator<Buffer> {
    for (const row of rows) yield await Promise.resolve(row);
  }
  expect((await all(inSets(given(), 2, 5))).map((set) => set.length)).toEqual([2, 2, 1]);
});
