import { randomBytes } from 'node:crypto';
import {
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One set-up at a time in one clone. The lock is a directory with one file in it that names the owner and is touched
 * while the owner lives; it is made beside and renamed, which only an empty directory gives way to, so it is never there
 * without its owner. A lock is broken by removing that very file: two that break it at once cannot remove the lock that
 * a third has taken meanwhile, because its file has another name and a directory that is not empty cannot be removed.
 */
const BEAT_MS = 2000;
const STALE_MS = 30_000;
const RETRY_MS = 200;

/**
 * @template T
 * @param {string} directory
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(directory, say, work) {
  const file = await takeLock(directory, say);
  const beat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch((/** @type {Error} */ error) =>
      say(`the lock is gone (${error.message})`),
    );
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(file, { force: true });
    await removeIfEmpty(directory);
  }
}

/**
 * @param {string} directory
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the owner's file
 */
async function takeLock(directory, say) {
  await mkdir(path.dirname(directory), { recursive: true });
  const file = path.join(directory, randomBytes(8).toString('hex'));
  for (let told = false; ;) {
    if (await tryTake(directory, file)) return file;
    const owner = await readOwner(directory);
    if (owner !== undefined && isStale(owner)) {
      if (owner.file !== undefined) await rm(owner.file, { force: true });
      await removeIfEmpty(directory);
      continue;
    }
    if (!told && owner?.pid !== undefined) {
      say(`another one is running here (process ${owner.pid}); waiting for its end`);
      told = true;
    }
    await sleep(RETRY_MS);
  }
}

/**
 * @param {string} directory
 * @param {string} file
 */
async function tryTake(directory, file) {
  const made = `${directory}.${path.basename(file)}`;
  await mkdir(made);
  try {
    const owner = JSON.stringify({ pid: process.pid, host: os.hostname() });
    await writeFile(path.join(made, path.basename(file)), owner);
    await rename(made, directory);
    return true;
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    // Somebody has it. Some systems say EPERM, also where the directory is empty.
    if (isCode(error, 'EEXIST', 'ENOTEMPTY', 'EPERM')) return false;
    throw error;
  }
}

/**
 * @typedef {{ file?: string | undefined; pid?: number | undefined; host?: string | undefined; touchedMs: number }} LockOwner
 * @param {string} directory
 * @returns {Promise<LockOwner | undefined>} undefined when the lock is free by now
 */
export async function readOwner(directory) {
  try {
    const [name] = await readdir(directory);
    if (name === undefined) return { touchedMs: (await stat(directory)).mtimeMs };
    const file = path.join(directory, name);
    const touchedMs = (await stat(file)).mtimeMs;
    const text = await readFile(file, 'utf8');
    if (text === '') return { file, touchedMs };
    const { pid, host } = /** @type {{ pid: number; host: string }} */ (JSON.parse(text));
    return { file, pid, host, touchedMs };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * @param {LockOwner} owner
 * @param {number} [nowMs]
 */
export function isStale(owner, nowMs = Date.now()) {
  if (nowMs - owner.touchedMs > STALE_MS) return true;
  // The number of a process means something on its own machine only.
  return owner.pid !== undefined && owner.host === os.hostname() && !isAlive(owner.pid);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

/** @param {string} directory */
async function removeIfEmpty(directory) {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/**
 * @param {unknown} error
 * @param {string[]} codes
 */
function isCode(error, ...codes) {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
