import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WeirError } from '../../shared/errors/weir-error.ts';

/** What this control remembers of a pipeline beside its file. What is wanted of the data is kept at its target. */
export interface Remembered {
  /** Whether its services are to run here, so that they are started again with control. */
  runsHere: boolean;
}

const NOTHING: Remembered = { runsHere: false };

/** The files of the pipelines that were created here: `NAME.yaml`, readable by their owner only. */
export class Library {
  readonly #folder: string;
  readonly stateDirectory: string;
  readonly eventFile: string;

  private constructor(stateDirectory: string, folder: string) {
    this.#folder = folder;
    this.stateDirectory = stateDirectory;
    this.eventFile = path.join(stateDirectory, 'events.jsonl');
  }

  static async open(stateDirectory: string): Promise<Library> {
    const folder = path.join(stateDirectory, 'pipelines');
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new WeirError(
        'CONFIG_INVALID',
        `the state directory ${stateDirectory} cannot be made or written to (${codeOf(cause)}); name another one with --state`,
        { cause },
      );
    }
    return new Library(stateDirectory, folder);
  }

  async names(): Promise<string[]> {
    const files = await readdir(this.#folder);
    return files.flatMap((file) => /^([a-z0-9-]{1,32})\.yaml$/.exec(file)?.[1] ?? []).sort();
  }

  fileOf(name: string): string {
    return path.join(this.#folder, `${name}.yaml`);
  }

  /** False where there is one of that name. */
  async add(name: string, text: string): Promise<boolean> {
    try {
      await writeFile(this.fileOf(name), text, { mode: 0o600, flag: 'wx' });
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.fileOf(name), { force: true });
    await rm(this.#noteOf(name), { force: true });
  }

  async recall(name: string): Promise<Remembered> {
    try {
      const note = JSON.parse(await readFile(this.#noteOf(name), 'utf8')) as Partial<Remembered>;
      return { runsHere: note.runsHere === true };
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return NOTHING;
      throw error;
    }
  }

  async remember(name: string, note: Remembered): Promise<void> {
    const next = `${this.#noteOf(name)}.${randomBytes(4).toString('hex')}`;
    await writeFile(next, JSON.stringify(note), { mode: 0o600 });
    await rename(next, this.#noteOf(name));
  }

  #noteOf(name: string): string {
    return path.join(this.#folder, `${name}.json`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
