import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { quoteLog, runNpm } from './command.mjs';
import { SetupError } from './setup-error.mjs';
import { fingerprintOf, readStamp, writeStamp } from './stamp.mjs';

/**
 * Installs what package-lock.json lists, when it is missing or was installed for another package-lock.json.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function installDependencies(root, say) {
  const lockFile = path.join(root, 'package-lock.json');
  const stamp = path.join(root, 'node_modules', '.weir-installed');
  const wanted = fingerprintOf(await readFile(lockFile));
  if ((await readStamp(stamp)) === wanted && hasCompiler(root)) return;
  if (!(await installedByHand(root, lockFile, stamp))) {
    say('installing the dependencies (npm ci)');
    const { ok, log } = await runNpm(['ci', '--include=dev'], root);
    if (!ok) {
      throw new SetupError(
        `"npm ci" failed; make the npm registry reachable and run it by hand. It says:${quoteLog(log)}`,
      );
    }
  }
  await writeStamp(stamp, wanted);
}

/**
 * Whether somebody has already run npm for this lock file: npm writes its own record of what it has installed.
 *
 * @param {string} root
 * @param {string} lockFile
 * @param {string} stamp
 */
async function installedByHand(root, lockFile, stamp) {
  const record = path.join(root, 'node_modules', '.package-lock.json');
  if (existsSync(stamp) || !existsSync(record) || !hasCompiler(root)) return false;
  return (await stat(record)).mtimeMs >= (await stat(lockFile)).mtimeMs;
}

/** @param {string} root */
function hasCompiler(root) {
  return existsSync(path.join(root, 'node_modules', 'typescript', 'package.json'));
}
