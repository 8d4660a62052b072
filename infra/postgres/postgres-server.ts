import { readFileSync } from 'node:fs';
import { appendFile, cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeirError } from '../../shared/errors/weir-error.ts';
import {
  awaitExit,
  endChild,
  runChild,
  startChild,
  type Child,
} from '../../services/supervisor/embedded/child-process.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { reasonIn } from '../../services/supervisor/embedded/log-reason.ts';
import { requirePostgres, type PostgresBinaries } from './postgres-binaries.ts';
import {
  createTemporaryDirectory,
  removeTemporaryDirectory,
} from '../../services/supervisor/embedded/temporary-directory.ts';
import {
  findUnprivilegedUser,
  isOpenToOthers,
  type UnprivilegedUser,
} from '../../services/supervisor/embedded/unprivileged-user.ts';

export interface PostgresOptions {
  /** Lines for postgresql.conf, over the defaults below. */
  settings?: Record<string, string>;
  /** Password of the superuser `postgres`; without one every loopback connection is let in. */
  password?: string;
  /** The directory of its programs; left out, the one that is found. */
  binaries?: string | undefined;
  /** Its messages are in that language, such as `de`, where its translations are there. */
  language?: string | undefined;
  /** Ends the wait for the start; a server that runs is ended by `stop()`. */
  signal?: AbortSignal;
}

const DEFAULTS: Record<string, string> = {
  wal_level: 'logical',
  max_wal_senders: '20',
  max_replication_slots: '20',
  max_connections: '100',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  log_checkpoints: 'off',
};
const ENDING: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];
/** The shutdowns as PostgreSQL calls them. */
const FAST: { signal: NodeJS.Signals; waitMs: number } = { signal: 'SIGINT', waitMs: 20_000 };
const IMMEDIATELY: typeof FAST = { signal: 'SIGQUIT', waitMs: 5_000 };
const START_TRIES = 5;
const START_TIMEOUT_MS = 60_000;

/** Makes a new PostgreSQL server in a temporary directory on a free loopback port, and waits until it answers. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const user = findUnprivilegedUser();
  const directory = await createTemporaryDirectory('weir-pg-', user);
  try {
    const binaries = await reachable(requirePostgres(options.binaries), directory, user);
    const dataDirectory = await initialize(binaries, directory, user, options);
    const server = new PostgresServer({ binaries, directory, dataDirectory, user, options });
    await server.start();
    return server;
  } catch (error) {
    await removeTemporaryDirectory(directory);
    throw error;
  }
}

interface Placement {
  binaries: PostgresBinaries;
  directory: string;
  dataDirectory: string;
  user: UnprivilegedUser | undefined;
  options: PostgresOptions;
}

export class PostgresServer {
  readonly dataDirectory: string;
  readonly #placement: Placement;
  #child: Child | undefined;
  #port = 0;

  constructor(placement: Placement) {
    this.#placement = placement;
    this.dataDirectory = placement.dataDirectory;
  }

  get port(): number {
    return this.#port;
  }

  /** Of the postmaster. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** As the superuser, to the database `postgres`. */
  get url(): string {
    return this.urlOf('postgres');
  }

  urlOf(database: string): string {
    const { password } = this.#placement.options;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgres://postgres${secret}@127.0.0.1:${this.#port}/${encodeURIComponent(database)}`;
  }

  /** Starts it on its port; a new server takes one, and takes another one when somebody was faster. */
  async start(): Promise<void> {
    const isNew = this.#port === 0;
    for (let attempt = 1; ; attempt++) {
      this.#placement.options.signal?.throwIfAborted();
      if (isNew) this.#port = await findFreePort();
      const failure = await this.#tryStart();
      if (failure === undefined) return;
      // After a kill the old backends live on for a moment and hold the shared memory and the port.
      const passing = /already in use|still in use|lock file/i.test(failure);
      if (!passing || attempt === START_TRIES) {
        throw new WeirError(
          'ENVIRONMENT_MISSING',
          `PostgreSQL did not start; its log says: ${reasonIn(failure)}`,
        );
      }
      await sleep(500);
    }
  }

  /** Ends it and removes its directory with everything in it, so that there is nothing to write down first. */
  async stop(): Promise<void> {
    await this.#end([IMMEDIATELY]);
    await removeTemporaryDirectory(this.#placement.directory);
  }

  /** Ends it when it runs, and starts it again with the same data on the same port. */
  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  /** Sends a signal to the postmaster; waits for its end where the signal means that. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.signal(signal);
    if (ENDING.includes(signal)) await awaitExit(this.#child, START_TIMEOUT_MS);
  }

  async #end(ways = [FAST, IMMEDIATELY]): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.signal('SIGCONT');
    await endChild(this.#child, ways);
  }

  /** Undefined when it accepts connections, else what it printed. */
  async #tryStart(): Promise<string | undefined> {
    const { binaries, directory, dataDirectory, user, options } = this.#placement;
    const child = await startChild({
      command: binaries.postgres,
      args: ['-D', dataDirectory, '-p', String(this.#port)],
      ...(options.language === undefined ? {} : { env: { LANGUAGE: options.language } }),
      cwd: directory,
      user,
      leashSignal: 'QUIT',
      leashRemoves: directory,
    });
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (child.running && Date.now() < deadline && options.signal?.aborted !== true) {
      if (isReady(dataDirectory, child.pid)) return undefined;
      await sleep(25);
    }
    await this.#end();
    options.signal?.throwIfAborted();
    return child.logTail();
  }
}

/** The eighth line of postmaster.pid says whether connections are accepted; the first whose file it is. */
function isReady(dataDirectory: string, pid: number): boolean {
  const file = path.join(dataDirectory, 'postmaster.pid');
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function initialize(
  binaries: PostgresBinaries,
  directory: string,
  user: UnprivilegedUser | undefined,
  options: PostgresOptions,
): Promise<string> {
  const dataDirectory = path.join(directory, 'data');
  const passwordFile = path.join(directory, 'password');
  const args = [
    '-D',
    dataDirectory,
    '-U',
    'postgres',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  if (options.password === undefined) {
    args.push('--auth=trust');
  } else {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o644 });
    args.push('--auth=scram-sha-256', `--pwfile=${passwordFile}`);
  }
  const { code, log } = await runChild({ command: binaries.initdb, args, cwd: directory, user });
  await rm(passwordFile, { force: true });
  if (code !== 0) {
    throw new WeirError(
      'ENVIRONMENT_MISSING',
      `${binaries.initdb} failed; it says: ${reasonIn(log)}`,
    );
  }
  await appendFile(
    path.join(dataDirectory, 'postgresql.conf'),
    // With the locale C nothing is translated.
    Object.entries({
      ...DEFAULTS,
      ...(options.language === undefined ? {} : { lc_messages: 'C.UTF-8' }),
      ...options.settings,
    })
      .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
      .join(''),
  );
  return dataDirectory;
}

/** Programs in a directory that is closed to the user who has to run them are copied to where that user gets. */
async function reachable(
  binaries: PostgresBinaries,
  directory: string,
  user: UnprivilegedUser | undefined,
): Promise<PostgresBinaries> {
  if (user === undefined || (await isOpenToOthers(binaries.postgres))) return binaries;
  const copy = path.join(directory, 'postgres');
  await cp(path.dirname(binaries.directory), copy, { recursive: true, verbatimSymlinks: true });
  const bin = path.join(copy, path.basename(binaries.directory));
  return { directory: bin, initdb: path.join(bin, 'initdb'), postgres: path.join(bin, 'postgres') };
}
