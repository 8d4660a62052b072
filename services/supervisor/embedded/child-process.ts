import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { UnprivilegedUser } from './unprivileged-user.ts';

/**
 * A child that cannot outlive us.
 *
 * It runs in a session of its own, so Ctrl-C in a terminal reaches only us and we stop our children in order. For the
 * case that we are killed, a tiny shell (the leash) holds the other end of a pipe: when that closes without a word, it
 * stops the child and removes its directory. That works for SIGKILL too, where no handler of ours would run.
 */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  readonly running: boolean;
  /** The last few kilobytes of what it printed, for saying why it failed. */
  logTail(): string;
  signal(signal: NodeJS.Signals): void;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  command: string;
  args: string[];
  cwd: string;
  user?: UnprivilegedUser | undefined;
  /** Over what every child has. */
  env?: Record<string, string>;
  /** What the leash sends first when we are gone; SIGKILL follows five seconds later. */
  leashSignal?: 'TERM' | 'QUIT';
  /** What the leash removes when we are gone. */
  leashRemoves?: string | undefined;
}

const LOG_TAIL_BYTES = 8192;
const ENVIRONMENT_KEPT = [
  'PATH',
  'TMPDIR',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'GOMEMLIMIT',
];

const LEASH = `
if read -r _; then exit 0; fi
kill -"$2" "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -KILL "$1" 2>/dev/null
if [ -n "$3" ]; then sleep 0.5; rm -rf -- "$3"; fi
`;

/** Starts a program; rejects with ENVIRONMENT_MISSING when it cannot even be started. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...childEnvironment(options.cwd), ...options.env },
    ...(options.user === undefined ? {} : { uid: options.user.uid, gid: options.user.gid }),
  });
  const log = new LogTail(child.stdout, child.stderr);
  // 'close' and not 'exit': only then is the log complete, and the log says why it ended. What the child itself has
  // started may hold the log open for longer, so that wait has an end.
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      child.once('close', () => resolve({ code, signal }));
      setTimeout(() => resolve({ code, signal }), 500);
    });
  });
  const pid = await pidOf(child, options.command);
  const leash = startLeash(pid, options);
  child.once('exit', () => leash.stdin?.end('done\n'));
  // An open server must not keep a finished program from ending; the leash stops it then.
  for (const handle of [child, child.stdout as Socket, child.stderr as Socket]) handle.unref();

  return {
    pid,
    exited,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    logTail: () => log.text(),
    signal: (signal) => {
      child.kill(signal);
    },
  };
}

/** Runs a program to its end and gives its exit and what it printed. */
export async function runChild(options: ChildOptions): Promise<ChildExit & { log: string }> {
  const child = await startChild(options);
  const alive = setInterval(() => undefined, 1000);
  const exit = await child.exited.finally(() => clearInterval(alive));
  return { ...exit, log: child.logTail() };
}

/** Asks a child to end, waits, and ends it by force when it does not. */
export async function endChild(
  child: Child,
  signals: { signal: NodeJS.Signals; waitMs: number }[],
): Promise<void> {
  for (const { signal, waitMs } of [...signals, { signal: 'SIGKILL' as const, waitMs: 5000 }]) {
    if (!child.running) return;
    child.signal(signal);
    await awaitExit(child, waitMs);
  }
}

/** Waits for the end of a child, at most that long; keeps our own process alive meanwhile. */
export async function awaitExit(child: Child, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([child.exited, timeout]).finally(() => clearTimeout(timer));
}

function childEnvironment(home: string): NodeJS.ProcessEnv {
  // Nothing of ours that could be a secret; a locale that every machine has. The limit is for NATS, whose caches
  // would otherwise grow with what passes through.
  const environment: NodeJS.ProcessEnv = { HOME: home, LC_ALL: 'C', GOMEMLIMIT: '160MiB' };
  for (const name of ENVIRONMENT_KEPT) {
    if (process.env[name] !== undefined) environment[name] = process.env[name];
  }
  return environment;
}

function pidOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', (cause) => {
      const message = `${command} cannot be started (${cause.message}); reinstall it or name another one.`;
      reject(new WeirError('ENVIRONMENT_MISSING', message, { cause }));
    });
  });
}

function startLeash(pid: number, options: ChildOptions): ChildProcess {
  const signal = options.leashSignal ?? 'TERM';
  const args = ['-c', LEASH, 'weir-leash', String(pid), signal, options.leashRemoves ?? ''];
  const leash = spawn('sh', args, {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // The child may end first and close the pipe; a leash that is gone has nothing left to hold.
  leash.stdin?.on('error', () => undefined);
  leash.on('error', () => undefined);
  leash.unref();
  (leash.stdin as Socket | null)?.unref();
  return leash;
}

class LogTail {
  #text = '';

  constructor(...streams: Readable[]) {
    for (const stream of streams) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        this.#text = (this.#text + chunk).slice(-LOG_TAIL_BYTES);
      });
    }
  }

  text(): string {
    return this.#text.trim();
  }
}
