import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { chown, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { awaitExit, startChild } from '../../services/supervisor/embedded/child-process.ts';
import { findFreePort } from '../../services/supervisor/embedded/free-port.ts';
import { findOnPath } from '../../services/supervisor/embedded/search-path.ts';
import {
  createTemporaryDirectory,
  removeTemporaryDirectory,
} from '../../services/supervisor/embedded/temporary-directory.ts';
import { findUnprivilegedUser } from '../../services/supervisor/embedded/unprivileged-user.ts';
import { waitFor } from './wait-for.ts';

/** PgBouncer of this machine; undefined where there is none. */
export function findPgbouncer(): string | undefined {
  const usual = '/usr/sbin/pgbouncer';
  return findOnPath('pgbouncer') ?? (existsSync(usual) ? usual : undefined);
}

/** A pooler before a server, for one test: gives what makes the URL through it of the server's own. */
export async function startPgbouncer(
  serverPort: number,
  settings: Record<string, string>,
): Promise<(url: string) => string> {
  const user = findUnprivilegedUser();
  const directory = await createTemporaryDirectory('weir-bouncer-', user);
  const port = await findFreePort();
  const lines = { listen_addr: '127.0.0.1', listen_port: String(port), unix_socket_dir: '', auth_type: 'any', default_pool_size: '60', ...settings }; // prettier-ignore
  const file = path.join(directory, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]\n* = host=127.0.0.1 port=${serverPort} user=postgres\n[pgbouncer]\n${Object.entries(
      lines,
    )
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  );
  if (user !== undefined) await chown(file, user.uid, user.gid);
  const child = await startChild({
    command: findPgbouncer()!,
    args: [file],
    cwd: directory,
    user,
    leashRemoves: directory,
  });
  onTestFinished(async () => {
    child.signal('SIGKILL');
    await awaitExit(child, 10_000);
    await removeTemporaryDirectory(directory);
  });
  await waitFor('the pooler to listen', () => answers(port));
  return (url) => {
    const through = new URL(url);
    through.port = String(port);
    return through.href;
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
