import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../services/supervisor/embedded/project-root.ts';
import { MUTATIONS } from './mutations.ts';

test.each(MUTATIONS)('the step "$name" can be taken out', async ({ edits }) => {
  for (const { file, find } of edits) {
    const text = await readFile(path.join(projectRoot(), file), 'utf8');
    expect(text.split(find).length - 1, `${file} has the text once`).toBe(1);
  }
});
