import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateProto } from './generate.mjs';

/** Writes what `proto/` comes to in TypeScript; it is kept with the sources, so that a build needs none of this. */
const root = path.join(import.meta.dirname, '..', '..');
for (const { file, text } of await generateProto(root)) {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
