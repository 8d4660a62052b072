import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { WeirError } from '../../../shared/errors/weir-error.ts';

export interface UnprivilegedUser {
  name: string;
  uid: number;
  gid: number;
}

const PREFERRED = ['postgres', 'nobody', 'daemon'];

/** PostgreSQL refuses to run as root: whom to be instead; undefined where we are not root ourselves. */
export function findUnprivilegedUser(): UnprivilegedUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = parsePasswd(readFileSync('/etc/passwd', 'utf8'));
  for (const name of PREFERRED) {
    const user = users.find((candidate) => candidate.name === name);
    if (user !== undefined && user.uid > 0) return user;
  }
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    'PostgreSQL does not run as root and there is no user "postgres" or "nobody" here; run this command as another user.',
  );
}

/** The users of an /etc/passwd file, in its order. */
export function parsePasswd(text: string): UnprivilegedUser[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (name === undefined || name === '' || uid === undefined || gid === undefined) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}

/** Whether others than the owner may walk down to this path; a clone in a home directory is often closed to them. */
export async function isOpenToOthers(target: string): Promise<boolean> {
  for (let current = path.resolve(target); ; current = path.dirname(current)) {
    const { mode } = await stat(current);
    if ((mode & 0o001) === 0) return false;
    if (current === path.dirname(current)) return true;
  }
}
