import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { ignoreFailure } from '../../shared/lifecycle/detach.ts';

/** What this control remembers of a pipeline beside its file. What is wanted of the data is kept at its target. */
export interface Remembered {
  /** Whether its services are to run here, so that they are started again with control. */
  runsHere: boolean;
}

const NOTE = z.object({ runsHere: z.boolean() });
const NOTHING: Remembered = { runsHere: false };

/**
 * The files of the pipelines that were created here: `NAME.yaml`, readable by their owner only. A folder that refuses
 * fails what was asked with STATE_REFUSED, and nothing else.
 */
export class PipelineFiles {
  readonly #folder: string;
  readonly stateDirectory: string;
  readonly eventFile: string;
  /** What could not be noted, by pipeline. */
  readonly #unnoted = new Map<string, Remembered>();
  #problem: string | null = null;

  private constructor(stateDirectory: string, folder: string) {
    this.#folder = folder;
    this.stateDirectory = stateDirectory;
    this.eventFile = path.join(stateDirectory, 'events.jsonl');
  }

  static async open(stateDirectory: string): Promise<PipelineFiles> {
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
    return new PipelineFiles(stateDirectory, folder);
  }

  /** Set while the folder refuses: one sentence. */
  get problem(): string | null {
    return this.#problem;
  }

  async names(): Promise<string[]> {
    const files = await this.#attempt(() => readdir(this.#folder));
    return files.flatMap((file) => /^([a-z0-9-]{1,32})\.yaml$/.exec(file)?.[1] ?? []).sort();
  }

  fileOf(name: string): string {
    return path.join(this.#folder, `${name}.yaml`);
  }

  /** False where there is one of that name. */
  async add(name: string, text: string): Promise<boolean> {
    const file = this.fileOf(name);
    return this.#attempt(async () => {
      try {
        await writeFile(file, text, { mode: 0o600, flag: 'wx' });
        return true;
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        // What a full disk took of it is no pipeline.
        await rm(file, { force: true }).catch(() => undefined);
        throw error;
      }
    });
  }

  async remove(name: string): Promise<void> {
    await this.#attempt(async () => {
      await rm(this.fileOf(name), { force: true });
      await rm(this.#noteOf(name), { force: true });
    });
    this.#unnoted.delete(name);
  }

  async recall(name: string): Promise<Remembered> {
    return this.#attempt(async () => {
      try {
        return NOTE.parse(JSON.parse(await readFile(this.#noteOf(name), 'utf8')));
      } catch (error) {
        const isNone = error instanceof SyntaxError || error instanceof z.ZodError;
        if (codeOf(error) === 'ENOENT' || isNone) return NOTHING;
        throw error;
      }
    });
  }

  async remember(name: string, note: Remembered): Promise<void> {
    await this.#attempt(() => this.#write(name, note));
    this.#unnoted.delete(name);
  }

  /** As `remember`, of what has happened already: where the folder refuses, it is tried again (`noteAgain`). */
  async note(name: string, note: Remembered): Promise<void> {
    this.#unnoted.set(name, note);
    await this.noteAgain();
  }

  /** Never fails: `problem` says what is wrong, until the folder takes something again. */
  async noteAgain(): Promise<void> {
    if (this.#unnoted.size === 0) {
      const probe = path.join(this.#folder, 'probe');
      const write = () => writeFile(probe, '').then(() => rm(probe, { force: true }));
      return this.#attempt(write).catch(ignoreFailure);
    }
    for (const [name, note] of this.#unnoted)
      try {
        await this.#attempt(() => this.#write(name, note));
        // Somebody may have asked for something else meanwhile.
        if (this.#unnoted.get(name) === note) this.#unnoted.delete(name);
      } catch {
        return;
      }
  }

  async #write(name: string, note: Remembered): Promise<void> {
    const next = `${this.#noteOf(name)}.${randomBytes(4).toString('hex')}`;
    try {
      await writeFile(next, JSON.stringify(note), { mode: 0o600 });
      await rename(next, this.#noteOf(name));
    } catch (error) {
      await rm(next, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work();
      this.#problem = null;
      return done;
    } catch (cause) {
      this.#problem = `the state folder ${this.#folder} cannot be read or written (${codeOf(cause)}); make room on its disk, or give the user of control the rights`;
      throw new WeirError('STATE_REFUSED', this.#problem, { cause });
    }
  }

  #noteOf(name: string): string {
    return path.join(this.#folder, `${name}.json`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
