import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fingerprintOfFiles, readStamp, writeStamp } from './stamp.mjs';

let root: string;
const fingerprint = (): Promise<string> => fingerprintOfFiles(root, ['src', 'absent'], /\.ts$/);

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'weir-stamp-'));
  await mkdir(path.join(root, 'src', 'deep'), { recursive: true });
  await writeFile(path.join(root, 'src', 'deep', 'a.ts'), 'a');
  await writeFile(path.join(root, 'src', 'b.ts'), 'b');
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

test('sources that did not change have the same fingerprint', async () => {
  const before = await fingerprint();
  await writeFile(path.join(root, 'src', 'notes.md'), 'not a source');
  expect(await fingerprint()).toBe(before);
});

test('a source that is new, changed, touched or gone changes the fingerprint', async () => {
  const seen = [await fingerprint()];
  const file = path.join(root, 'src', 'deep', 'a.ts');
  await utimes(file, new Date(1000), new Date(1000));
  seen.push(await fingerprint());
  await writeFile(path.join(root, 'src', 'c.ts'), 'c');
  seen.push(await fingerprint());
  await rm(file);
  seen.push(await fingerprint());
  expect(new Set(seen).size).toBe(4);
});

test('a stamp is read as it was written, and an absent one is empty', async () => {
  const stamp = path.join(root, '.stamp');
  expect(await readStamp(stamp)).toBe('');
  await writeStamp(stamp, 'abc');
  expect(await readStamp(stamp)).toBe('abc');
});
