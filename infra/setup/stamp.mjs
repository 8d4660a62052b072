import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A stamp is a file with the fingerprint of what a step was last done for. */

/**
 * @param {string} file
 * @returns {Promise<string>} empty when there is none
 */
export async function readStamp(file) {
  return existsSync(file) ? (await readFile(file, 'utf8')).trim() : '';
}

/**
 * @param {string} file
 * @param {string} fingerprint
 */
export async function writeStamp(file, fingerprint) {
  await writeFile(file, `${fingerprint}\n`);
}

/** @param {string | Buffer} content */
export function fingerprintOf(content) {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Of names, sizes and times of all files below these paths that the pattern matches; so a file that is gone counts.
 *
 * @param {string} root
 * @param {string[]} paths
 * @param {RegExp} pattern
 */
export async function fingerprintOfFiles(root, paths, pattern) {
  /** @type {string[]} */
  const lines = [];
  /** @param {string} file */
  const visit = async (file) => {
    if (!existsSync(file)) return;
    const facts = await stat(file);
    if (facts.isDirectory()) {
      for (const name of (await readdir(file)).sort()) {
        if (name !== 'node_modules' && !name.startsWith('.')) await visit(path.join(file, name));
      }
    } else if (pattern.test(file)) {
      lines.push(`${path.relative(root, file)} ${facts.size} ${facts.mtimeMs}`);
    }
  };
  for (const name of paths) await visit(path.join(root, name));
  return fingerprintOf(lines.join('\n'));
}
