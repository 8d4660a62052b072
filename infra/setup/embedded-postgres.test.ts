import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeLinks } from './embedded-postgres.mjs';

test('the links that a package lists are made relative to where they stand, also a second time', async () => {
  const home = await mkdtemp(path.join(os.tmpdir(), 'weir-links-'));
  await mkdir(path.join(home, 'native', 'lib'), { recursive: true });
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
  await writeFile(path.join(home, 'native', 'pg-symlinks.json'), JSON.stringify(links));
  await makeLinks(home);
  await makeLinks(home);
  expect(await readlink(path.join(home, 'native', 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
  await rm(home, { recursive: true });
});
