import { detach, ignoreFailure } from '../../shared/lifecycle/detach.ts';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';

/** Of a row names, each with the value that came back instead of what was given; of a document all of it as BSON. */
export type ModuleBack = unknown[] | Uint8Array;

/** For each row what became of it, null where it is left out; or why it failed, in words without a value. */
export type ModuleAnswer = { back: ModuleBack | null } | { failed: string };

/**
 * Rows in flight to the thread: the values of all of them one after the other, of each in the order of `names`.
 * Without names they are documents as BSON.
 */
interface Given {
  namespace: string;
  names: readonly string[] | null;
  kinds: string[];
  values: unknown[];
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

// Only what the function has changed goes back.
async function ofRow(names, values, from, transform, context) {
  const row = {};
  for (let i = 0; i < names.length; i++) row[names[i]] = values[from + i];
  let back = transform(row, context);
  if (typeof back?.then === 'function') back = await back;
  if (back === null || back === undefined) return { back: null };
  if (typeof back !== 'object' || Array.isArray(back)) return { failed: 'it gave back no row' };
  const changes = [];
  let known = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (Object.hasOwn(back, name)) known++;
    if (!Object.is(back[name], values[from + i])) changes.push(name, back[name]);
  }
  const all = Object.keys(back);
  if (all.length > known)
    for (const name of all) if (!names.includes(name)) changes.push(name, back[name]);
  return { back: changes };
}

async function run(transform, { namespace, names, kinds, values }) {
  const answers = [];
  for (let nth = 0; nth < kinds.length; nth++) {
    const context = { namespace, kind: kinds[nth] };
    try {
      answers.push(
        names === null
          ? { back: await ofDocument(values[nth], transform, context) }
          : await ofRow(names, values, nth * names.length, transform, context),
      );
    } catch (error) {
      answers.push({ failed: 'the module threw ' + (error instanceof Error ? error.name : 'an error') });
    }
  }
  return answers;
}

async function reply(given) {
  try {
    const transform = await loaded;
    if (typeof transform !== 'function') throw new Error('the module has no function as its default export');
    parentPort.postMessage({ answers: await run(transform, given) });
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
  resolve: (answers: ModuleAnswer[] | 'late') => void;
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
   * Rows with values of these names, or documents, which go there and back as BSON, behind those that it was given
   * before. `late`: it did not answer in time.
   */
  run(
    namespace: string,
    names: readonly string[] | null,
    rows: readonly { row: { kind: string }; given: readonly unknown[] | Uint8Array }[],
  ): Promise<ModuleAnswer[] | 'late'> {
    const kinds = rows.map(({ row }) => row.kind);
    const values: unknown[] = [];
    for (const { given } of rows) {
      if (given instanceof Uint8Array) values.push(given);
      else for (const value of given) values.push(value);
    }
    return new Promise((resolve, reject) => {
      const given: Given = { namespace, names, kinds, values };
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
    worker.on('message', (message: { answers: ModuleAnswer[] } | { unusable: string }) => {
      if (worker !== this.#worker) return;
      if ('unusable' in message) return this.#fail(message.unusable);
      this.#waiting.shift()!.resolve(message.answers);
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
    if (this.#worker !== null) detach(this.#worker.terminate(), ignoreFailure);
    this.#worker = null;
  }

  #fail(reason: string): void {
    this.#end();
    for (const { reject } of this.#waiting.splice(0)) reject(new ModuleUnusable(reason));
  }
}
