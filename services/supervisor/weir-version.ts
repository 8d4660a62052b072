import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './embedded/project-root.ts';

export function weirVersion(): string {
  const text = readFileSync(join(projectRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
