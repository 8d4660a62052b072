import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const run = promisify(execFile);

/** A folder that is a disk of its own, in memory: it can fill up, grow, and become read-only. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** For one test; undefined, and said aloud, where this user may not mount. */
  static async mount(kib: number): Promise<SmallDisk | undefined> {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-disk-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', folder]);
    } catch {
      process.stderr.write('left out: a full or read-only disk (this user may not mount one)\n');
      return undefined;
    }
    onTestFinished(async () => {
      await run('umount', ['-l', folder]);
    });
    return new SmallDisk(folder);
  }

  /** Such as `size=64m`, `ro`, `rw`. */
  async remount(options: string): Promise<void> {
    await run('mount', ['-o', `remount,${options}`, this.folder]);
  }
}
