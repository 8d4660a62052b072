import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { DatasyncError } from './datasync-error.ts';
import type { FailureRecord } from './feedback-store.ts';
import type { Revision } from './revision.ts';
import { StateIndex } from './state-index.ts';
import { formatLine, parseLine, type StateLine } from './state-line.ts';
import type { Cursor } from './transport.ts';
import type { AnsweredVersion, KeyState, WatchState } from './watch-state.ts';

/** Where the line of a value is in the file. */
interface Place {
  offset: number;
  length: number;
}

/** Lines are collected up to here before they are written. */
const BUFFER_BYTES = 256 * 1024;
/** A file is written anew when it has grown by this much more than what it held then. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/** Files of this process that a watch has open. */
const opened = new Set<string>();

/**
 * A state in a file of lines of JSON, added to as answers come and written anew when most of it is old. Values stay in
 * the file; memory holds where they are. A line that a crash has cut off counts as not written, and so the answer that
 * it stood for comes again.
 */
export function fileState(file: string): WatchState {
  return new FileState(path.resolve(file));
}

class FileState implements WatchState {
  readonly remembers = true;
  readonly #file: string;
  #index = new StateIndex<Place>();
  #descriptor: number | undefined;
  #buffer: Buffer[] = [];
  #buffered = 0;
  /** Bytes of the file and of the buffer behind it. */
  #size = 0;
  #sizeWhenCompact = 0;
  #flushing: NodeJS.Immediate | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  open(): void {
    if (opened.has(this.#file))
      throw new DatasyncError(
        'INVALID',
        `another watch keeps its state in ${this.#file}; give each a file of its own`,
      );
    this.#load();
    opened.add(this.#file);
    this.#compact();
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    this.#flush();
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    opened.delete(this.#file);
  }

  get(key: string): KeyState | undefined {
    return this.#index.known.get(key);
  }

  keys(): Iterable<string> {
    return this.#index.known.keys();
  }

  value(key: string): Uint8Array | undefined {
    const place = this.#index.place(key);
    return place === undefined ? undefined : this.#read(place);
  }

  answer(key: string, version: AnsweredVersion): void {
    const place = this.#append({ kind: 'answered', key, ...version });
    this.#index.answer(key, version.revision, version.stamp, place);
  }

  remove(key: string, revision: Revision): void {
    this.#append({ kind: 'gone', key, revision });
    this.#index.remove(key, revision);
  }

  touch(keys: Iterable<string>): void {
    for (const key of this.#index.touch(keys)) this.#append({ kind: 'touched', key });
  }

  settle(isUnder: (key: string) => boolean, revision: Revision): void {
    // Not written: such a line costs nothing but its room, and goes when the file is written anew.
    this.#index.settle(isUnder, revision);
  }

  forgetRemoved(prefixes: readonly string[]): void {
    this.#append({ kind: 'forget', prefixes });
    this.#index.forgetRemoved(prefixes);
  }

  stage(key: string, version: AnsweredVersion): void {
    const place = this.#append({ kind: 'staged', key, ...version });
    this.#index.stage(key, version.revision, version.stamp, place);
  }

  isStaged(key: string): boolean {
    return this.#index.staged.has(key);
  }

  commitStaged(): void {
    this.#append({ kind: 'commit' });
    this.#index.commitStaged();
  }

  dropStaged(): void {
    if (this.#index.staged.size > 0) this.#append({ kind: 'drop' });
    this.#index.staged.clear();
  }

  get failures(): ReadonlyMap<string, FailureRecord> {
    return this.#index.failures;
  }

  setFailure(key: string, failure: FailureRecord | undefined): void {
    if (failure === undefined && !this.#index.failures.has(key)) return;
    this.#append({ kind: 'failure', key, failure });
    if (failure === undefined) this.#index.failures.delete(key);
    else this.#index.failures.set(key, failure);
  }

  cursor(prefix: string): Cursor | undefined {
    return this.#index.cursors.get(prefix);
  }

  setCursor(prefixes: readonly string[], cursor: Cursor): void {
    this.#append({ kind: 'cursor', prefixes, cursor });
    for (const prefix of prefixes) this.#index.cursors.set(prefix, cursor);
  }

  prefixes(): string[] {
    return [...this.#index.cursors.keys()];
  }

  #append(line: StateLine): Place {
    const bytes = Buffer.from(formatLine(line));
    const place = { offset: this.#size, length: bytes.length };
    this.#buffer.push(bytes);
    this.#buffered += bytes.length;
    this.#size += bytes.length;
    if (this.#buffered >= BUFFER_BYTES) this.#flush();
    else this.#flushing ??= setImmediate(() => this.#flushAndCompact());
    return place;
  }

  #flushAndCompact(): void {
    if (this.#descriptor === undefined) return;
    this.#flush();
    const isOld = this.#size > 2 * this.#sizeWhenCompact + COMPACT_BYTES;
    if (isOld && this.#index.staged.size === 0) this.#compact();
  }

  #flush(): void {
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#descriptor === undefined || this.#buffered === 0) return;
    writeAll(this.#descriptor, Buffer.concat(this.#buffer));
    this.#buffer = [];
    this.#buffered = 0;
  }

  #read({ offset, length }: Place): Uint8Array {
    if (offset + length > this.#size - this.#buffered) this.#flush();
    const bytes = Buffer.alloc(length);
    const read = readSync(this.#descriptor!, bytes, 0, length, offset);
    const line = read === length ? parseLine(bytes.toString()) : undefined;
    if (line?.kind !== 'answered' && line?.kind !== 'staged')
      throw new DatasyncError('INVALID', `${this.#file} was changed by others; remove it`);
    return line.value;
  }

  #load(): void {
    let text: Buffer;
    try {
      text = readFileSync(this.#file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      text = Buffer.alloc(0);
    }
    let from = 0;
    for (let to = text.indexOf(10); to !== -1; from = to + 1, to = text.indexOf(10, from)) {
      const line = parseLine(text.toString('utf8', from, to + 1));
      if (line === undefined)
        throw new DatasyncError(
          'INVALID',
          `${this.#file} is not the state of a watch (byte ${from}); name another file or remove it`,
        );
      this.#apply(line, { offset: from, length: to + 1 - from });
    }
    this.#index.staged.clear();
    this.#size = from;
    this.#descriptor = openSync(this.#file, 'a+', 0o600);
  }

  #apply(line: StateLine, place: Place): void {
    const index = this.#index;
    switch (line.kind) {
      case 'answered':
        return index.answer(line.key, line.revision, line.stamp, place);
      case 'staged':
        return index.stage(line.key, line.revision, line.stamp, place);
      case 'commit':
        return index.commitStaged();
      case 'forget':
        return index.forgetRemoved(line.prefixes);
      case 'drop':
        return index.staged.clear();
      case 'gone':
        return index.remove(line.key, line.revision);
      case 'touched':
        return void index.touch([line.key]);
      case 'failure':
        if (line.failure === undefined) index.failures.delete(line.key);
        else index.failures.set(line.key, line.failure);
        return;
      case 'cursor':
        for (const prefix of line.prefixes) index.cursors.set(prefix, line.cursor);
        return;
    }
  }

  /** Writes what still counts into a new file, which then takes the place of the old one. */
  #compact(): void {
    this.#flush();
    const old = this.#index;
    const next = new StateIndex<Place>();
    const temporary = `${this.#file}.new`;
    const target = openSync(temporary, 'w+', 0o600);
    let size = 0;
    const lines: Buffer[] = [];
    const put = (line: StateLine): Place => {
      const bytes = Buffer.from(formatLine(line));
      lines.push(bytes);
      size += bytes.length;
      if (lines.length >= 1_000) writeAll(target, Buffer.concat(lines.splice(0)));
      return { offset: size - bytes.length, length: bytes.length };
    };
    for (const [key, known] of old.known) {
      if (known.is === 'answered') {
        const { revision, stamp } = known;
        const value = this.#read(known.place);
        next.answer(key, revision, stamp, put({ kind: 'answered', key, revision, stamp, value }));
      } else {
        put(
          known.is === 'gone'
            ? { kind: 'gone', key, revision: known.revision }
            : { kind: 'touched', key },
        );
        next.known.set(key, known);
      }
    }
    for (const [key, failure] of old.failures) put({ kind: 'failure', key, failure });
    for (const [prefix, cursor] of old.cursors) put({ kind: 'cursor', prefixes: [prefix], cursor });
    writeAll(target, Buffer.concat(lines));
    fsyncSync(target);
    renameSync(temporary, this.#file);
    closeSync(this.#descriptor!);
    for (const [key, failure] of old.failures) next.failures.set(key, failure);
    for (const [prefix, cursor] of old.cursors) next.cursors.set(prefix, cursor);
    this.#index = next;
    this.#descriptor = target;
    this.#size = size;
    this.#sizeWhenCompact = size;
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;)
    written += writeSync(descriptor, bytes, written, bytes.length - written);
}
