import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import type { Fields } from './steps/returned-fields.ts';

/** What a module is told of a row besides its fields. */
export interface RowContext {
  namespace: string;
  kind: string;
}

/** For each row what the function gave back, or that it failed; and why, for the log of its author alone. */
export type ModuleAnswer = { back: unknown } | { failed: string };

/**
 * Rows on their way to the thread: the values of all of them one after the other, of each in the order of `names`.
 * Without names they are documents as BSON.
 */
interface Given {
  namespace: string;
  names: string[] | null;
  kinds: string[];
  values: unknown[];
}

/** What became of them: only what the function has changed comes back. */
interface Answer {
  changed: [nth: number, name: string, value: unknown][];
  missing: [nth: number, name: string][];
  /** What it gave back instead of a row, null above all; of a document whatever it gave back. */
  other: [nth: number, back: unknown][];
  failed: [nth: number, error: string][];
}

/** Runs in the worker; text, because it is no module of ours there. */
const CODE = `
const { parentPort, workerData } = require('node:worker_threads');
const ofDocument = async (bytes, transform, context) => {
  const { BSON } = require(workerData.bson);
  const back = (await transform(BSON.deserialize(bytes, { useBigInt64: true }), context)) ?? null;
  if (back === null) return null;
  if (typeof back !== 'object' || Array.isArray(back)) throw new TypeError('it gave back no document');
  return BSON.serialize(back, { ignoreUndefined: true });
};
const loaded = import(workerData.url).then((module) => module.default);

async function run(transform, { namespace, names, kinds, values }) {
  const answer = { changed: [], missing: [], other: [], failed: [] };
  for (let nth = 0; nth < kinds.length; nth++) {
    const context = { namespace, kind: kinds[nth] };
    try {
      if (names === null) {
        answer.other.push([nth, await ofDocument(values[nth], transform, context)]);
        continue;
      }
      const from = nth * names.length;
      const row = {};
      for (let i = 0; i < names.length; i++) row[names[i]] = values[from + i];
      let back = transform(row, context);
      if (typeof back?.then === 'function') back = await back;
      if (typeof back !== 'object' || back === null || Array.isArray(back)) {
        answer.other.push([nth, back ?? null]);
        continue;
      }
      let known = 0;
      for (let i = 0; i < names.length; i++) {
        if (Object.hasOwn(back, names[i])) known++;
        else answer.missing.push([nth, names[i]]);
        if (!Object.is(back[names[i]], values[from + i])) answer.changed.push([nth, names[i], back[names[i]]]);
      }
      const all = Object.keys(back);
      if (all.length > known)
        for (const name of all) if (!names.includes(name)) answer.changed.push([nth, name, back[name]]);
    } catch (error) {
      answer.failed.push([nth, error instanceof Error ? error.name : 'an error']);
    }
  }
  return answer;
}

async function reply(given) {
  try {
    const transform = await loaded;
    if (typeof transform !== 'function') throw new Error('the module has no function as its default export');
    parentPort.postMessage({ answer: await run(transform, given) });
  } catch (error) {
    parentPort.postMessage({ unusable: String(error && error.message) });
  }
}

let last = Promise.resolve();
parentPort.on('message', (given) => void (last = last.then(() => reply(given))));
`;

/** The module cannot be used at all. */
export class ModuleUnusable extends Error {}

interface Waiting {
  given: Given;
  resolve: (answer: Answer | 'late') => void;
  reject: (error: unknown) => void;
}

/**
 * A module of the user's in a thread of its own, which is ended where it takes too long: then everything in it is gone,
 * and what waits gets a new one.
 */
export class ModuleWorker {
  readonly #file: string;
  readonly #timeoutMs: number;
  #worker: Worker | null = null;
  /** Given to the thread, which takes them one after the other; the time of the first runs. */
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, timeoutMs: number) {
    this.#file = file;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Rows of one shape, or documents, which go there and back as BSON, behind those that it was given before. `late`: it
   * did not answer in time.
   */
  async run(
    rows: readonly { row: Fields | Uint8Array; context: RowContext }[],
  ): Promise<ModuleAnswer[] | 'late'> {
    const [first] = rows;
    if (first === undefined) return [];
    const isDocument = first.row instanceof Uint8Array;
    const answer = await this.#give({
      namespace: first.context.namespace,
      names: isDocument ? null : Object.keys(first.row),
      kinds: rows.map(({ context }) => context.kind),
      values: isDocument
        ? rows.map(({ row }) => row)
        : rows.flatMap(({ row }) => Object.values(row)),
    });
    return answer === 'late' ? 'late' : toAnswers(rows, answer);
  }

  #give(given: Given): Promise<Answer | 'late'> {
    return new Promise((resolve, reject) => {
      const isFirst = this.#waiting.push({ given, resolve, reject }) === 1;
      (this.#worker ??= this.#start()).postMessage(given);
      if (isFirst) this.#startTime();
    });
  }

  #startTime(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#late(), this.#timeoutMs);
  }

  #late(): void {
    this.#end();
    this.#waiting.shift()!.resolve('late');
    if (this.#waiting.length === 0) return;
    this.#worker = this.#start();
    for (const { given } of this.#waiting) this.#worker.postMessage(given);
    this.#startTime();
  }

  #start(): Worker {
    const bson = createRequire(import.meta.url).resolve('bson');
    const workerData = { url: pathToFileURL(this.#file).href, bson };
    const worker = new Worker(CODE, { eval: true, workerData });
    worker.on('message', (message: { answer: Answer } | { unusable: string }) => {
      if (worker !== this.#worker) return;
      if ('unusable' in message) return this.#fail(message.unusable);
      this.#waiting.shift()!.resolve(message.answer);
      this.#startTime();
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#fail(error.message);
    });
    // It keeps no process alive that has nothing else to do.
    worker.unref();
    return worker;
  }

  #end(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = null;
  }

  #fail(reason: string): void {
    this.#end();
    for (const { reject } of this.#waiting.splice(0)) reject(new ModuleUnusable(reason));
  }
}

function toAnswers(
  rows: readonly { row: Fields | Uint8Array }[],
  { changed, missing, other, failed }: Answer,
): ModuleAnswer[] {
  const backs = rows.map(({ row }): Record<string, unknown> =>
    row instanceof Uint8Array ? {} : { ...row },
  );
  for (const [nth, name, value] of changed) backs[nth]![name] = value;
  for (const [nth, name] of missing) delete backs[nth]![name];
  const answers = backs.map((back): ModuleAnswer => ({ back }));
  for (const [nth, back] of other) answers[nth] = { back };
  for (const [nth, error] of failed) answers[nth] = { failed: error };
  return answers;
}
