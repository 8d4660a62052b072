import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { z } from 'zod';
import { EVENT } from './api/answers.ts';
import type { KeptEvents, PipelineEvent } from './event-log.ts';

/** Lines after which the file is written anew with the latest half of them: a few hundred kilobytes. */
const MOST_LINES = 2_000;

/**
 * Events where they outlive control: one line of JSON each, appended as they happen. Written at once, because they are few
 * and the last one before an end matters most; a disk that refuses costs the history, and nothing else.
 */
export class EventFile implements KeptEvents {
  readonly #file: string;
  readonly #log: Logger;
  #lines: string[];
  #refused = false;

  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
    this.#lines = this.#attempt(() => linesOf(file)) ?? [];
  }

  /** Oldest first; a line that was cut off is left out. */
  read(): PipelineEvent[] {
    return this.#lines.flatMap((line) => {
      const parsed = z.safeParse(EVENT, fromJson(line));
      return parsed.success ? [parsed.data] : [];
    });
  }

  append(event: PipelineEvent): void {
    const line = JSON.stringify(event);
    this.#lines.push(line);
    this.#attempt(() => {
      if (this.#lines.length <= MOST_LINES)
        return appendFileSync(this.#file, `${line}\n`, { mode: 0o600 });
      this.#lines = this.#lines.slice(-MOST_LINES / 2);
      writeFileSync(`${this.#file}.new`, `${this.#lines.join('\n')}\n`, { mode: 0o600 });
      renameSync(`${this.#file}.new`, this.#file);
    });
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#refused) this.#log.warn({ reason }, 'events cannot be kept over a restart');
      this.#refused = true;
      return undefined;
    }
  }
}

/** What was appended last may have been cut off: what comes next begins a line of its own. */
function linesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  if (text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n');
  return text.split('\n').filter((line) => line !== '');
}

function fromJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
