import { accessSync, constants } from 'node:fs';
import path from 'node:path';

// Servers are often installed where only root's search path looks.
const SYSTEM_DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
];

/** The first executable of that name in PATH and the usual system directories. */
export function findOnPath(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((part) => part !== '');
  return [...directories, ...SYSTEM_DIRECTORIES]
    .map((directory) => path.join(directory, name))
    .find((file) => isExecutable(file));
}

/** False too for what we may not look at. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
