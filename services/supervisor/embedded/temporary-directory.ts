import { chown, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isOpenToOthers, type UnprivilegedUser } from './unprivileged-user.ts';

/** A fresh directory that belongs to `owner`, in the system's temporary directory where the owner can get there. */
export async function createTemporaryDirectory(
  prefix: string,
  owner?: UnprivilegedUser,
): Promise<string> {
  const usual = os.tmpdir();
  const parent = owner === undefined || (await isOpenToOthers(usual)) ? usual : '/tmp';
  const directory = await mkdtemp(path.join(parent, prefix));
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

/** Removes it; tries again while a process that is ending still writes into it. */
export async function removeTemporaryDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
