import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
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
import { type MysqlBinaries, systemTables } from './mysql-binaries.ts';
import { probeMysql } from './mysql-probe.ts';
import {
  createTemporaryDirectory,
  removeTemporaryDirectory,
} from '../../services/supervisor/embedded/temporary-directory.ts';

export interface MysqlOptions {
  binaries: MysqlBinaries;
  /** Over the defaults below: as on the command line, without the hyphens. A null takes one away. */
  settings?: Record<string, string | null>;
}

const DEFAULTS: Record<string, string> = {
  'bind-address': '127.0.0.1',
  'log-bin': 'binlog',
  'server-id': '1',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-row-metadata': 'FULL',
  'secure-file-priv': '',
};
/** What makes a new one start fast: it is small, and only processes die here, never the machine. */
const SMALL: Record<'mariadb' | 'mysql', Record<string, string>> = {
  mariadb: {
    'innodb-log-file-size': '16M',
    'innodb-flush-log-at-trx-commit': '2',
    'innodb-buffer-pool-size': '64M',
  },
  mysql: {
    'innodb-redo-log-capacity': '32M',
    'innodb-flush-log-at-trx-commit': '2',
    'innodb-buffer-pool-size': '64M',
    mysqlx: 'OFF',
    'sync-binlog': '0',
  },
};
const START_TRIES = 5;
const START_TIMEOUT_MS = 60_000;
const STOP = { signal: 'SIGTERM' as const, waitMs: 20_000 };

/** Makes a new server in a temporary directory on a free loopback port, and waits until it greets. */
export async function startMysql(options: MysqlOptions): Promise<MysqlServer> {
  const directory = await createTemporaryDirectory('weir-mysql-');
  try {
    await initialize(options.binaries, directory);
    const server = new MysqlServer(options, directory);
    await server.start();
    return server;
  } catch (error) {
    await removeTemporaryDirectory(directory);
    throw error;
  }
}

export class MysqlServer {
  readonly directory: string;
  readonly flavour: 'mariadb' | 'mysql';
  readonly #options: MysqlOptions;
  #child: Child | undefined;
  #port = 0;

  constructor(options: MysqlOptions, directory: string) {
    this.#options = options;
    this.flavour = options.binaries.flavour;
    this.directory = directory;
  }

  get port(): number {
    return this.#port;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  get socketPath(): string {
    return path.join(this.directory, 'socket');
  }

  get dataDirectory(): string {
    return path.join(this.directory, 'data');
  }

  /** As `root`, who has no password here. */
  urlOf(database: string): string {
    return `${this.flavour}://root@127.0.0.1:${this.#port}/${encodeURIComponent(database)}`;
  }

  async start(): Promise<void> {
    const isNew = this.#port === 0;
    for (let attempt = 1; ; attempt++) {
      if (isNew) this.#port = await findFreePort();
      const failure = await this.#tryStart();
      if (failure === undefined) return;
      if (!/address already in use/i.test(failure) || attempt === START_TRIES)
        throw new WeirError(
          'ENVIRONMENT_MISSING',
          `The ${this.flavour} server did not start; its log says: ${reasonIn(failure)}`,
        );
    }
  }

  /** Ends it and removes its directory with everything in it. */
  async stop(): Promise<void> {
    await this.#end([]);
    await removeTemporaryDirectory(this.directory);
  }

  /** Ends it in order when it runs, and starts it again with the same data on the same port. */
  async restart(): Promise<void> {
    await this.#end([STOP]);
    await this.start();
  }

  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.signal('SIGKILL');
    await awaitExit(this.#child, START_TIMEOUT_MS);
  }

  async #end(ways: (typeof STOP)[]): Promise<void> {
    if (this.#child !== undefined) await endChild(this.#child, ways);
  }

  async #tryStart(): Promise<string | undefined> {
    const { binaries, settings } = this.#options;
    const all: Record<string, string | null> = {
      ...{ ...DEFAULTS, ...SMALL[this.flavour], port: String(this.#port) },
      ...{ socket: this.socketPath, 'pid-file': path.join(this.directory, 'pid') },
      ...settings,
    };
    const child = await startChild({
      command: binaries.command,
      args: [
        ...commonArguments(binaries, this.dataDirectory),
        ...Object.entries(all)
          .filter(([, value]) => value !== null)
          .map(([name, value]) => `--${name}=${value}`),
      ],
      env: { ...binaries.env },
      cwd: this.directory,
      leashRemoves: this.directory,
    });
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (child.running && Date.now() < deadline) {
      if (await probeMysql(this.#port)) return undefined;
      await sleep(25);
    }
    await this.#end([]);
    return child.logTail();
  }
}

async function initialize(binaries: MysqlBinaries, directory: string): Promise<void> {
  const data = path.join(directory, 'data');
  await mkdir(path.join(data, ...(binaries.flavour === 'mariadb' ? ['mysql'] : [])), {
    recursive: true,
  });
  const common = commonArguments(binaries, data);
  const { command, env } = binaries;
  const { code, log } =
    binaries.flavour === 'mysql'
      ? await runChild({
          ...{ command, env: { ...env }, cwd: directory },
          args: [...common, '--initialize-insecure', '--mysqlx=OFF', '--secure-file-priv='],
        })
      : await bootstrap(binaries, common, directory);
  if (code === 0) return;
  const message = `A new ${binaries.flavour} server cannot be made; it says: ${reasonIn(log)}`;
  throw new WeirError('ENVIRONMENT_MISSING', message);
}

/** MariaDB reads the statements that make its system tables; its own script for that costs seconds. */
async function bootstrap(binaries: MysqlBinaries, common: string[], directory: string) {
  const script = path.join(directory, 'bootstrap.sql');
  // As its own script does: nobody signs in by the name of this machine.
  const statements = systemTables(binaries.share)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    .split('\n')
    .filter((line) => !line.includes('@current_hostname'));
  await writeFile(script, ['use mysql;', ...statements].join('\n'));
  const args = [...common, '--bootstrap', '--skip-log-bin', '--innodb-log-file-size=16M'];
  return runChild({
    command: 'sh',
    args: ['-c', 'exec "$@" < "$0"', script, binaries.command, ...args],
    ...{ env: { ...binaries.env }, cwd: directory },
  });
}

function commonArguments(binaries: MysqlBinaries, data: string): string[] {
  return [
    ...binaries.leading,
    '--no-defaults',
    `--datadir=${data}`,
    `--lc-messages-dir=${binaries.share}`,
    `--character-sets-dir=${path.join(binaries.share, 'charsets')}`,
    ...(binaries.plugins === undefined ? [] : [`--plugin-dir=${binaries.plugins}`]),
    // It refuses to run as root unless it is told to.
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
}
