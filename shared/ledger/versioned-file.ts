import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { naming } from '../errors/file-problem.ts';
import { WeirError } from '../errors/weir-error.ts';

export interface Versioned<T> {
  /** 0: nothing was written yet. */
  version: number;
  value: T | null;
}

/**
 * How many versions are kept. A writer that stood still finds its next version taken, unless so many have passed that
 * it was removed again; then it sees by how much it is behind.
 */
const KEPT = 16;

/**
 * A JSON value on disk that several processes change by compare-and-set: a version is a file of its own, and only one
 * of them can give it its name (link(2) refuses a name that is taken, on network file systems too). What a change has
 * returned from survives a loss of power.
 */
export class VersionedFile<T> {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(): Promise<Versioned<T>> {
    for (;;) {
      const version = (await this.#versions()).at(-1) ?? 0;
      if (version === 0) return { version, value: null };
      try {
        const text = await readFile(this.#pathOf(version), 'utf8');
        return { version, value: JSON.parse(text) as T };
      } catch (error) {
        // Others went on by more than are kept: there is a newer one.
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    }
  }

  /**
   * Puts what `change` makes of the value there, however many others do so too. `change` may be called several times,
   * and throws to give up; what it returns unchanged is not written.
   */
  async update(change: (value: T | null) => T): Promise<T> {
    for (;;) {
      const { version, value } = await this.read();
      const changed = change(value);
      if (changed === value || (await this.#write(version + 1, changed))) return changed;
    }
  }

  /** The same; false where `change` gives up with null. */
  async updateIf(change: (value: T | null) => T | null): Promise<boolean> {
    for (;;) {
      const found = await this.read();
      const changed = change(found.value);
      if (changed === null) return false;
      if (await this.replace(found, changed)) return true;
    }
  }

  /** Puts a value where another was found; false where somebody else has done so meanwhile. */
  replace({ version }: Versioned<T>, value: T): Promise<boolean> {
    return this.#write(version + 1, value);
  }

  /** False where somebody else has written that version. */
  async #write(version: number, value: T): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true });
    const draft = path.join(this.#folder, `draft-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      await writeDurably(draft, JSON.stringify(value));
      await link(draft, this.#pathOf(version));
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    await syncFolder(this.#folder);
    const versions = await this.#versions();
    const newest = versions.at(-1) ?? version;
    if (newest >= version + KEPT) throw stoodStill();
    for (const old of versions)
      if (old <= newest - KEPT) await rm(this.#pathOf(old), { force: true });
    return true;
  }

  async #versions(): Promise<number[]> {
    try {
      const names = await readdir(this.#folder);
      return names
        .flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
        .sort((a, b) => a - b);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  #pathOf(version: number): string {
    return path.join(this.#folder, String(version));
  }
}

export async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await naming(file, handle.writeFile(text));
    await naming(file, handle.sync());
  } finally {
    await handle.close();
  }
}

/** So that a name given in it survives, too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function stoodStill(): WeirError {
  return new WeirError(
    'FENCED',
    'this process stood still while others went on with the state of the pipeline; it starts again from there',
  );
}
