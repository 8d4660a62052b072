import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { naming } from '../../shared/errors/file-problem.ts';
import { userFolder } from './state-folder.ts';

/** What a running `weir run` leaves for `weir status` to find it. */
export interface RunFile {
  pipeline: string;
  pid: number;
  /** May hold credentials; the file is readable by its owner only. */
  natsUrl: string;
}

/** Returns how to remove it. */
export async function writeRunFile(run: RunFile): Promise<() => Promise<void>> {
  await mkdir(userFolder(), { recursive: true, mode: 0o700 });
  const path = join(userFolder(), `${run.pipeline}.${run.pid}.json`);
  const draft = `${path}.draft`;
  try {
    // It has its name only when it is whole: others read it at any moment, and the disk may be full.
    await naming(path, writeFile(draft, JSON.stringify(run), { mode: 0o600 }));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return () => rm(path, { force: true });
}

/** Those whose process lives. */
export async function readRunFiles(): Promise<RunFile[]> {
  const runs: RunFile[] = [];
  for (const name of await namesIn(userFolder())) {
    if (!name.endsWith('.json')) continue;
    const path = join(userFolder(), name);
    const text = await readFile(path, 'utf8').catch(orGone);
    // Its run ended after the folder was listed.
    if (text === null) continue;
    const run = JSON.parse(text) as RunFile;
    if (isAlive(run.pid)) runs.push(run);
    else await rm(path, { force: true });
  }
  return runs;
}

async function namesIn(path: string): Promise<string[]> {
  return (await readdir(path).catch(orGone)) ?? [];
}

function orGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
