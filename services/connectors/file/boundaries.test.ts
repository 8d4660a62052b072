import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findBoundaries } from './boundaries.ts';
import { readCsv } from './csv-records.ts';
import { readText } from './file-text.ts';
import { toCsv } from './row-text.ts';

const signal = new AbortController().signal;

async function fileOf(text: string): Promise<{ file: string; bytes: number }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-file-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'rows');
  await writeFile(file, text);
  return { file, bytes: Buffer.byteLength(text) };
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

const FIELDS = [null, '', 'a', ',', '"', 'two\nlines', '\r\n', 'é€😀', '""', 'x'.repeat(40), ' '];

it('CSV that is cut into pieces has the records of the whole, whatever its fields hold', async () => {
  const records = Array.from({ length: 300 }, (_, i) =>
    Array.from({ length: 4 }, (_, j) => FIELDS[(i * 7 + j * 3 + (i % 5) * j) % FIELDS.length]!),
  );
  const { file, bytes } = await fileOf(toCsv([['a', 'b', 'c', 'd'], ...records], ','));
  for (const every of [1, 7, 64, 1_000, 1 << 20]) {
    const ends = await findBoundaries(file, bytes, every, 'csv');
    expect(ends.at(-1)).toBe(bytes);
    const found = [];
    for (const [i, from] of ends.slice(0, -1).entries()) {
      const text = readText(
        { file, gzip: false, encoding: 'utf-8', from, to: ends[i + 1]! },
        signal,
      );
      found.push(...(await collect(readCsv(text, { delimiter: ',', skip: 0, file }))));
    }
    expect(found).toEqual(records);
  }
});

it('JSON lines are cut behind lines only', async () => {
  const lines = Array.from({ length: 200 }, (_, i) => `{"n":"${'x'.repeat(i % 50)}"}\n`);
  const { file, bytes } = await fileOf(lines.join(''));
  for (const every of [1, 30, 500, 1 << 20]) {
    const ends = await findBoundaries(file, bytes, every, 'jsonl');
    const pieces = await Promise.all(
      [0, ...ends].slice(0, -1).map(async (from, i) => {
        const slice = { file, gzip: false, encoding: 'utf-8', from, to: ends[i]! };
        return (await collect(readText(slice, signal))).join('');
      }),
    );
    expect(pieces.join('')).toBe(lines.join(''));
    for (const piece of pieces) expect(piece.endsWith('\n')).toBe(true);
  }
});

it('bytes that are no text are refused, never replaced', async () => {
  const { file } = await fileOf('');
  await writeFile(file, Buffer.from([0x61, 0xff, 0x62]));
  const text = readText({ file, gzip: false, encoding: 'utf-8', from: 0, to: 3 }, signal);
  await expect(collect(text)).rejects.toThrow(/is not utf-8 somewhere behind byte 0; convert it/);
});
