import { type FileHandle, open } from 'node:fs/promises';

const QUOTE = 0x22;
const NEWLINE = 0x0a;
const BLOCK_BYTES = 1 << 20;

/**
 * Where a file may be cut, in bytes: behind the end of a line about every `everyBytes`, and at the file's size. Of CSV
 * the end of the first record (the header) comes first, and a line break ends a record where the number of quotes
 * before it is even, since a quote within a field is written twice.
 */
export async function findBoundaries(
  file: string,
  size: number,
  everyBytes: number,
  format: 'csv' | 'jsonl',
): Promise<number[]> {
  const handle = await open(file, 'r');
  try {
    const find = format === 'csv' ? recordEnds : lineEnds;
    const boundaries: number[] = [];
    for await (const end of find(handle, size, everyBytes)) boundaries.push(end);
    if (boundaries.at(-1) !== size) boundaries.push(size);
    return boundaries;
  } finally {
    await handle.close();
  }
}

/** Behind the last record that ends in the block, which begins with a record; 0 where none ends in it. */
export function lastRecordEnd(block: Buffer, format: 'csv' | 'jsonl'): number {
  if (format === 'jsonl') return block.lastIndexOf(NEWLINE) + 1;
  let end = 0;
  let isQuoted = false;
  for (let place = 0; place < block.length;) {
    const quote = indexOf(block, QUOTE, place, block.length);
    const newline = isQuoted ? -1 : block.subarray(place, quote).lastIndexOf(NEWLINE);
    if (newline >= 0) end = place + newline + 1;
    if (quote < block.length) isQuoted = !isQuoted;
    place = quote + 1;
  }
  return end;
}

async function* lineEnds(
  handle: FileHandle,
  size: number,
  everyBytes: number,
): AsyncGenerator<number> {
  const block = Buffer.allocUnsafe(64 * 1024);
  for (let at = everyBytes; at < size;) {
    const { bytesRead } = await handle.read(block, 0, block.length, at);
    if (bytesRead === 0) return;
    const found = indexOf(block, NEWLINE, 0, bytesRead);
    if (found < bytesRead) yield at + found + 1;
    at += found < bytesRead ? found + 1 + everyBytes : bytesRead;
  }
}

async function* recordEnds(
  handle: FileHandle,
  size: number,
  everyBytes: number,
): AsyncGenerator<number> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let wanted = 0;
  let isQuoted = false;
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, at);
    if (bytesRead === 0) return;
    for (let place = 0; place < bytesRead;) {
      const quote = indexOf(block, QUOTE, place, bytesRead);
      const from = Math.max(place, wanted - at);
      const newline = isQuoted ? quote : indexOf(block, NEWLINE, from, quote);
      if (newline < quote) {
        yield at + newline + 1;
        wanted = at + newline + everyBytes;
        place = newline + 1;
      } else {
        if (quote < bytesRead) isQuoted = !isQuoted;
        place = quote + 1;
      }
    }
    at += bytesRead;
  }
}

/** `end` where it is not in between. */
function indexOf(block: Buffer, byte: number, from: number, end: number): number {
  if (from >= end) return end;
  const found = block.indexOf(byte, from);
  return found < 0 || found >= end ? end : found;
}
