import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { hasCode, syncFolder, writeDurably } from './versioned-file.ts';

/** So many ids, one after the other, share a folder: what one question has to read. */
const SHARD = 256;

interface FullShard {
  /** Of its folder: that of a pipeline that was reset and made again has another. */
  changedMs: number;
  marks: ReadonlyMap<number, number>;
}

/**
 * Which chunks are in, each with its rows: a file a chunk, whose name says it all and whose content is the batch key.
 * They lie in folders of `SHARD` ids each. One that is full never changes again and is read once. Those of the first
 * versions lie beside these folders.
 */
export class ChunkMarks {
  readonly #folder: string;
  readonly #full = new Map<string, FullShard>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async has(id: number): Promise<boolean> {
    return (await this.rowsOf(id)) !== null;
  }

  /** Null where it is not in. */
  async rowsOf(id: number): Promise<number | null> {
    for (const folder of [path.join(this.#folder, shardOf(id)), this.#folder]) {
      const names = (await namesIn(folder)).filter(isMark);
      const found = names.map(parseMark).find((mark) => mark.id === id);
      if (found !== undefined) return found.rows;
    }
    return null;
  }

  /** Rows by id. */
  async read(): Promise<Map<number, number>> {
    const marks = new Map<number, number>();
    for (const name of await namesIn(this.#folder)) {
      const found = isMark(name) ? [toPair(parseMark(name))] : await this.#readShard(name);
      for (const [id, rows] of found) marks.set(id, rows);
    }
    return marks;
  }

  /** Repeatable: the same chunk has the same rows. */
  async add(id: number, rows: number, batchKey: string): Promise<void> {
    const folder = path.join(this.#folder, shardOf(id));
    const made = await mkdir(folder, { recursive: true });
    try {
      await writeDurably(path.join(folder, `${id}-${rows}`), batchKey);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    await syncFolder(folder);
    if (made !== undefined) await syncFolder(this.#folder);
  }

  async #readShard(shard: string): Promise<ReadonlyMap<number, number>> {
    const folder = path.join(this.#folder, shard);
    const known = this.#full.get(shard);
    const changedMs = await changedAt(folder);
    if (known !== undefined && known.changedMs === changedMs) return known.marks;
    const marks = new Map<number, number>();
    for (const name of await namesIn(folder)) {
      const { id, rows } = parseMark(name);
      marks.set(id, rows);
    }
    if (marks.size === SHARD && changedMs !== null) this.#full.set(shard, { changedMs, marks });
    return marks;
  }
}

function shardOf(id: number): string {
  return String(Math.floor(id / SHARD));
}

function isMark(name: string): boolean {
  return name.includes('-');
}

function toPair({ id, rows }: { id: number; rows: number }): [number, number] {
  return [id, rows];
}

function parseMark(name: string): { id: number; rows: number } {
  const [id, rows] = name.split('-').map(Number);
  return { id: id!, rows: rows! };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Null where it is gone. */
async function changedAt(folder: string): Promise<number | null> {
  try {
    return (await stat(folder)).mtimeMs;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}
