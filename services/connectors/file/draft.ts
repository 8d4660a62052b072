import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip, type Gzip } from 'node:zlib';
import { naming } from '../../../shared/errors/file-problem.ts';
import { syncFolder } from '../../../shared/ledger/versioned-file.ts';

const PREFIX = '.draft-';
const OLD_MS = 3_600_000;

/** A file that is written under another name, and has its own from when it is whole and on the disk. */
export class Draft {
  readonly #file: string;
  readonly #draft: string;
  readonly #out: Writable;
  readonly #end: Promise<void>;

  private constructor(file: string, gzip: boolean) {
    this.#file = file;
    const name = `${PREFIX}${process.pid}-${randomBytes(6).toString('hex')}`;
    this.#draft = path.join(path.dirname(file), name);
    const disk = createWriteStream(this.#draft, { flags: 'wx' });
    this.#out = gzip ? createGzip() : disk;
    // Whichever of both fails or is given up takes the other with it.
    this.#end = gzip ? pipeline(this.#out as Gzip, disk) : finished(disk);
    // Told where it is waited for: by `write` and by `publish`.
    this.#end.catch(() => undefined);
  }

  static async open(file: string, gzip: boolean): Promise<Draft> {
    await mkdir(path.dirname(file), { recursive: true });
    return new Draft(file, gzip);
  }

  async write(text: string): Promise<void> {
    if (this.#out.write(text)) return;
    await naming(this.#file, Promise.race([once(this.#out, 'drain'), this.#end]));
  }

  /** Whole: it gets its name. */
  async publish(): Promise<void> {
    this.#out.end();
    await naming(this.#file, this.#end);
    const handle = await open(this.#draft, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(this.#draft, this.#file);
    await syncFolder(path.dirname(this.#file));
  }

  async discard(): Promise<void> {
    this.#out.destroy();
    await rm(this.#draft, { force: true });
  }
}

/** What somebody left behind who was killed while writing. */
export async function removeOldDrafts(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.startsWith(PREFIX)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > OLD_MS) await rm(file, { force: true });
  }
}
