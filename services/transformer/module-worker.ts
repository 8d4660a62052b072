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
parentPort.on('message', async (rows) => {
  try {
    const transform = await loaded;
    if (typeof transform !== 'function') throw new Error('the module has no function as its default export');
    const answers = [];
    for (const { row, context } of rows)
      try {
        answers.push({
          back:
            row instanceof Uint8Array
              ? await ofDocument(row, transform, context)
              : ((await transform(row, context)) ?? null),
        });
      } catch (error) {
        answers.push({ failed: error instanceof Error ? error.name : 'an error' });
      }
    parentPort.postMessage({ answers });
  } catch (error) {
    parentPort.postMessage({ unusable: String(error && error.message) });
  }
});`;

/** The module cannot be used at all. */
export class ModuleUnusable extends Error {}

/**
 * A module of the user's in a thread of its own, which is ended where it takes too long: then everything in it is gone,
 * and the next rows get a new one.
 */
export class ModuleWorker {
  readonly #file: string;
  readonly #timeoutMs: number;
  #worker: Worker | null = null;

  constructor(file: string, timeoutMs: number) {
    this.#file = file;
    this.#timeoutMs = timeoutMs;
  }

  /** One after the other; a document goes there and back as BSON. `late`: it did not answer in time. */
  async run(
    rows: readonly { row: Fields | Uint8Array; context: RowContext }[],
  ): Promise<ModuleAnswer[] | 'late'> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        worker.off('message', onMessage);
        worker.off('error', onError);
      };
      const timer = setTimeout(() => {
        end();
        this.#worker = null;
        void worker.terminate().then(() => resolve('late'));
      }, this.#timeoutMs);
      const onMessage = (message: { answers: ModuleAnswer[] } | { unusable: string }): void => {
        end();
        if ('answers' in message) resolve(message.answers);
        else reject(new ModuleUnusable(message.unusable));
      };
      const onError = (error: Error): void => {
        end();
        this.#worker = null;
        reject(new ModuleUnusable(error.message));
      };
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(rows);
    });
  }

  #start(): Worker {
    const bson = createRequire(import.meta.url).resolve('bson');
    const workerData = { url: pathToFileURL(this.#file).href, bson };
    const worker = new Worker(CODE, { eval: true, workerData });
    // It keeps no process alive that has nothing else to do.
    worker.unref();
    return worker;
  }
}
