/** What the disk says of any file, and what only the caller's path can be the cause of. */
const OF_DISK: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; make room on it',
  EDQUOT: 'the quota of this user is used up; raise it or make room',
  EROFS: 'the file system is read-only; mount it for writing, or name a folder elsewhere',
  EIO: 'the disk reports an error; look at the log of this machine',
  ESTALE: 'the network file system has lost it; mount it again',
  EFBIG: 'the file would be larger than may be; raise the limit',
  EMFILE: 'this process may not open more files; raise the limit (ulimit -n)',
  ENFILE: 'this machine may not open more files; raise its limit',
};
const OF_PATH: Readonly<Record<string, string>> = {
  EACCES: 'access is denied; give this user the rights',
  EPERM: 'access is denied; give this user the rights',
  ENOENT: 'there is no such file or folder; make it, or correct the path',
  ENOTDIR: 'a part of the path is a file; correct it',
  EISDIR: 'it is a folder; name a file',
  ENAMETOOLONG: 'the name is longer than the file system takes; choose a shorter one',
};

/** Why a file could not be read or written, and what to do; null for what is no such failure. */
export function fileProblem(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  const { code, syscall } = error;
  if (typeof code !== 'string' || typeof syscall !== 'string') return null;
  // Programs and sockets have paths, too.
  if (/^(spawn|connect|listen|bind|getaddrinfo)/.test(syscall)) return null;
  const at = 'path' in error && typeof error.path === 'string' ? error.path : null;
  const reason = OF_DISK[code] ?? (at === null ? undefined : OF_PATH[code]);
  if (reason === undefined) return null;
  return `${at ?? 'a file'} cannot be ${READS.test(syscall) ? 'read' : 'written'}: ${reason} [${code}]`;
}

const READS = /^(read|scandir|stat|lstat|access|opendir)/;

/** Says which file it was, where the system does not: a write knows only its descriptor. */
export async function naming<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && !('path' in error))
      Object.assign(error, { path: file });
    throw error;
  }
}
