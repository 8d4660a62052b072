import path from 'node:path';
import type { Relation } from '../../../shared/change/relation.ts';
import { lastRecordEnd } from './boundaries.ts';
import { type FileContent, openContent } from './file-content.ts';
import { decodeText, toFileError } from './file-text.ts';
import { type FileCursor, readRows, requireSame } from './read-slice.ts';
import type { FileSettings } from './settings.ts';

/** Compressed files of which unpacking may stand still at once. */
const MOST_OPEN = 8;

export interface FilePage {
  tuples: Buffer[];
  /** Where the next one begins, in bytes of the content; null at the end. */
  next: number | null;
}

/** Reads slices of files page by page: each page from its own place on, whatever was read before. */
export class FilePages {
  readonly #settings: FileSettings;
  /** Those used last come last. */
  readonly #open = new Map<string, FileContent>();

  constructor(settings: FileSettings) {
    this.#settings = settings;
  }

  async read(
    slice: FileCursor,
    relation: Relation,
    after: number | null,
    bytes: number,
  ): Promise<FilePage> {
    await requireSame(this.#settings, slice);
    const from = after ?? slice.from;
    const { content, end, isLast } = await this.#wholeRecords(slice, from, bytes);
    const text = decodeText(content, slice, this.#settings.encoding, from);
    const at = { ...slice, from, hasHeader: slice.hasHeader && from === slice.from };
    const tuples: Buffer[] = [];
    for await (const row of readRows(once(text), at, relation)) tuples.push(row);
    await requireSame(this.#settings, slice);
    return { tuples, next: isLast ? null : end };
  }

  close(): void {
    for (const content of this.#open.values()) content.close();
    this.#open.clear();
  }

  async #wholeRecords(
    { name, format, gzip, to }: FileCursor,
    from: number,
    bytes: number,
  ): Promise<{ content: Buffer; end: number; isLast: boolean }> {
    const file = this.#contentOf(name, gzip);
    // How long the content of a compressed file is shows when it ends.
    const left = gzip ? Infinity : to - from;
    for (let wanted = bytes; ; wanted *= 2) {
      const length = Math.min(wanted, left);
      const read = await file.read(from, length).catch((error: unknown) => {
        throw toFileError(error, name);
      });
      const isLast = read.length < wanted || length === left;
      const end = isLast ? read.length : lastRecordEnd(read, format);
      if (end > 0 || isLast)
        return { content: Buffer.from(read.subarray(0, end)), end: from + end, isLast };
    }
  }

  #contentOf(name: string, gzip: boolean): FileContent {
    const known = this.#open.get(name);
    const content = known ?? openContent(path.join(this.#settings.folder, name), gzip);
    if (!gzip) return content;
    this.#open.delete(name);
    this.#open.set(name, content);
    const [oldest] = this.#open;
    if (this.#open.size > MOST_OPEN && oldest !== undefined) {
      this.#open.delete(oldest[0]);
      oldest[1].close();
    }
    return content;
  }
}

async function* once(text: string): AsyncGenerator<string> {
  if (text !== '') yield text;
}
