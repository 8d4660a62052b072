import { existsSync } from 'node:fs';
import path from 'node:path';
import { quoteLog, runCommand } from './command.mjs';
import { SetupError } from './setup-error.mjs';
import { fingerprintOfFiles, readStamp, writeStamp } from './stamp.mjs';

const SOURCES = [
  'proto',
  'shared',
  'services',
  'test',
  'infra',
  'tsconfig.json',
  'tsconfig.base.json',
];
const PATTERN = /\.(ts|mjs)$|tsconfig[^/]*\.json$/;

/**
 * Builds dist/ when a source has changed since it was built here last; the compiler then does only what is needed.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function buildIfStale(root, say) {
  const stamp = path.join(root, 'dist', '.built');
  const wanted = await fingerprintOfFiles(root, SOURCES, PATTERN);
  const isBuilt = existsSync(path.join(root, 'dist', 'services', 'cli', 'main.js'));
  if (isBuilt && (await readStamp(stamp)) === wanted) return;
  say('building (tsc -b)');
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok, log } = await runCommand(process.execPath, [compiler, '-b'], root);
  if (!ok)
    throw new SetupError(`the build failed; correct what the compiler names:${quoteLog(log)}`);
  await writeStamp(stamp, wanted);
}
