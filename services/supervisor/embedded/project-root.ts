import { existsSync } from 'node:fs';
import path from 'node:path';

/** The directory with Weir's package.json, seen from the sources and from dist alike. */
export function projectRoot(): string {
  let directory = import.meta.dirname;
  while (!existsSync(path.join(directory, 'package.json'))) {
    const parent = path.dirname(directory);
    if (parent === directory) return import.meta.dirname;
    directory = parent;
  }
  return directory;
}
