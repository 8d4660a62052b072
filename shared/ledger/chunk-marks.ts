import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { hasCode, syncFolder, writeDurably } from './versioned-file.ts';

/** Which chunks are in, each with its rows: a file a chunk, whose name says it all and whose content is the batch key. */
export class ChunkMarks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Rows by id. */
  async read(): Promise<Map<number, number>> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return new Map();
      throw error;
    }
    const marks = new Map<number, number>();
    for (const name of names) {
      const [id, rows] = name.split('-').map(Number);
      marks.set(id!, rows!);
    }
    return marks;
  }

  /** Repeatable: the same chunk has the same rows. */
  async add(id: number, rows: number, batchKey: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    try {
      await writeDurably(path.join(this.#folder, `${id}-${rows}`), batchKey);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    await syncFolder(this.#folder);
  }
}
