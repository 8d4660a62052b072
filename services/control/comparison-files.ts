import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { VERIFICATION, type Verification } from './api/answers.ts';

/** Results of comparisons where they outlive control: a file for each pipeline. */
export class ComparisonFiles {
  readonly #folder: string;
  readonly #log: Logger;

  constructor(stateDirectory: string, log: Logger) {
    this.#folder = path.join(stateDirectory, 'comparisons');
    this.#log = log;
  }

  /** By pipeline; what cannot be read is left out, because a comparison can be made again. */
  async readAll(): Promise<Map<string, Verification[]>> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const all = new Map<string, Verification[]>();
    for (const name of await readdir(this.#folder)) {
      const pipeline = /^([a-z0-9-]{1,32})\.json$/.exec(name)?.[1];
      if (pipeline === undefined) continue;
      const text = await readFile(this.#fileOf(pipeline), 'utf8');
      const parsed = z.safeParse(z.array(VERIFICATION), fromJson(text));
      if (parsed.success) all.set(pipeline, parsed.data);
    }
    return all;
  }

  /** Where it cannot, the log says so: the results are shown until control ends. */
  async write(pipeline: string, runs: readonly Verification[]): Promise<void> {
    const next = `${this.#fileOf(pipeline)}.new`;
    try {
      await writeFile(next, JSON.stringify(runs), { mode: 0o600 });
      await rename(next, this.#fileOf(pipeline));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warn({ pipeline, reason }, 'comparisons cannot be kept over a restart');
    }
  }

  async remove(pipeline: string): Promise<void> {
    await rm(this.#fileOf(pipeline), { force: true });
  }

  #fileOf(pipeline: string): string {
    return path.join(this.#folder, `${pipeline}.json`);
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
