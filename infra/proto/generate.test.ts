import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { generateProto } from './generate.mjs';

test('the generated code is what the .proto files say now (npm run proto)', async () => {
  const files = await generateProto(path.join(import.meta.dirname, '..', '..'));
  expect(files.length).toBeGreaterThan(0);
  for (const { file, text } of files) expect(await readFile(file, 'utf8')).toBe(text);
});
