import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { awaitExit, endChild, startChild, type Child } from './child-process.ts';
import { findFreePort } from './free-port.ts';
import { reasonIn } from './log-reason.ts';
import { requireNatsServer } from './nats-binary.ts';
import { probeNats } from './nats-probe.ts';
import { createTemporaryDirectory, removeTemporaryDirectory } from './temporary-directory.ts';

export interface NatsOptions {
  /** Which nats-server to run; left out, the one of this machine. */
  binary?: string;
  /** Room for all streams; 8 GiB by default, never more than four fifths of the free disk. */
  maxFileStoreBytes?: number;
  /** Where the streams are kept; such a directory stays when the server stops. Left out, a temporary one. */
  storeDirectory?: string;
  /** Left out, a free one. */
  port?: number;
  /** Ends the wait for the start; a server that runs is ended by `stop()`. */
  signal?: AbortSignal;
}

const DEFAULT_FILE_STORE_BYTES = 8 * 1024 ** 3;
const MEMORY_STORE_BYTES = 64 * 1024 ** 2;
const START_TRIES = 5;
const START_TIMEOUT_MS = 60_000;
const ENDING: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

/** Runs a NATS server with JetStream on loopback, and waits until JetStream answers. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServerProcess> {
  const binary = options.binary ?? requireNatsServer();
  const directory = await createTemporaryDirectory('weir-nats-');
  try {
    const storeDirectory = options.storeDirectory ?? path.join(directory, 'store');
    await mkdir(storeDirectory, { recursive: true });
    const maxFileStoreBytes = await fileStoreBytes(storeDirectory, options.maxFileStoreBytes);
    const server = new NatsServerProcess({
      binary,
      directory,
      storeDirectory,
      maxFileStoreBytes,
      options,
    });
    await server.start();
    return server;
  } catch (error) {
    await removeTemporaryDirectory(directory);
    throw error;
  }
}

interface Placement {
  binary: string;
  directory: string;
  storeDirectory: string;
  maxFileStoreBytes: number;
  options: NatsOptions;
}

export class NatsServerProcess {
  readonly storeDirectory: string;
  readonly serverName = `weir-${randomBytes(6).toString('hex')}`;
  readonly #placement: Placement;
  #child: Child | undefined;
  #port = 0;

  constructor(placement: Placement) {
    this.#placement = placement;
    this.storeDirectory = placement.storeDirectory;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** Starts it on its port; a new server takes one, and takes another one when somebody was faster. */
  async start(): Promise<void> {
    const { options } = this.#placement;
    const mayChoose = this.#port === 0 && options.port === undefined;
    for (let attempt = 1; ; attempt++) {
      options.signal?.throwIfAborted();
      if (mayChoose) this.#port = await findFreePort();
      else if (this.#port === 0) this.#port = options.port ?? 0;
      const failure = await this.#tryStart();
      if (failure === undefined) return;
      if (!/already in use/i.test(failure) || attempt === START_TRIES) {
        throw new WeirError(
          'ENVIRONMENT_MISSING',
          `nats-server did not start; its log says: ${reasonIn(failure)}`,
        );
      }
      await sleep(mayChoose ? 0 : 300);
    }
  }

  /** Ends it and removes what it has kept, except in a directory that the caller has named. */
  async stop(): Promise<void> {
    await this.#end();
    await removeTemporaryDirectory(this.#placement.directory);
  }

  /** Ends it when it runs, and starts it again with the same streams on the same port. */
  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  /** Loses everything it has kept, as a server whose disk was replaced: ends, forgets, starts on the same port. */
  async wipe(): Promise<void> {
    await this.#end();
    await rm(this.storeDirectory, { recursive: true, force: true, maxRetries: 20 });
    await mkdir(this.storeDirectory, { recursive: true });
    await this.start();
  }

  /** Sends a signal; waits for the end where the signal means that. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.signal(signal);
    if (ENDING.includes(signal)) await awaitExit(this.#child, START_TIMEOUT_MS);
  }

  async #end(): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.signal('SIGCONT');
    await endChild(this.#child, [{ signal: 'SIGTERM', waitMs: 10_000 }]);
  }

  /** Undefined when JetStream answers, else what it printed. */
  async #tryStart(): Promise<string | undefined> {
    const { binary, directory, options } = this.#placement;
    const config = path.join(directory, 'nats.conf');
    await writeFile(config, this.#configuration());
    const child = await startChild({
      command: binary,
      args: ['-c', config],
      cwd: directory,
      leashRemoves: directory,
    });
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (child.running && Date.now() < deadline && options.signal?.aborted !== true) {
      const probe = await probeNats(this.#port, this.serverName);
      if (probe === 'ready') return undefined;
      await sleep(25);
    }
    await this.#end();
    options.signal?.throwIfAborted();
    return child.logTail();
  }

  #configuration(): string {
    // JSON strings are strings of this format too. No sync_interval: 2.9 does not know it, and the broker is transit.
    return `server_name: ${this.serverName}
host: 127.0.0.1
port: ${this.#port}
jetstream {
  store_dir: ${JSON.stringify(this.storeDirectory)}
  max_file_store: ${this.#placement.maxFileStoreBytes}
  max_memory_store: ${MEMORY_STORE_BYTES}
}
`;
  }
}

async function fileStoreBytes(directory: string, wanted: number | undefined): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  const free = Math.floor(bavail * bsize * 0.8);
  return Math.min(wanted ?? DEFAULT_FILE_STORE_BYTES, free);
}
