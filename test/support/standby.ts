import { execFile } from 'node:child_process';
import { appendFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { requirePostgres } from '../../infra/postgres/postgres-binaries.ts';
import { PostgresServer } from '../../infra/postgres/postgres-server.ts';
import { createTemporaryDirectory } from '../../services/supervisor/embedded/temporary-directory.ts';
import { findUnprivilegedUser } from '../../services/supervisor/embedded/unprivileged-user.ts';
import { queryPostgres } from './servers.ts';
import { waitFor } from './wait-for.ts';

export interface StandbyOptions {
  settings?: Record<string, string>;
  /** Where it finds its primary; left out, the primary itself. */
  port?: number;
}

/**
 * A physical standby of a running server, by the low-level backup of the manual (26.3.4), which needs no program that
 * a build of PostgreSQL may lack. The caller stops it.
 */
export async function startStandby(
  primary: PostgresServer,
  { settings = {}, port = primary.port }: StandbyOptions = {},
): Promise<PostgresServer> {
  const user = findUnprivilegedUser();
  const directory = await createTemporaryDirectory('weir-pg-', user);
  const dataDirectory = path.join(directory, 'data');
  await backUp(primary, dataDirectory);
  const conninfo = `host=127.0.0.1 port=${port} user=postgres dbname=postgres application_name=standby`;
  const lines = Object.entries({ primary_conninfo: conninfo, ...settings });
  await appendFile(
    path.join(dataDirectory, 'postgresql.conf'),
    lines.map(([name, value]) => `${name} = '${value}'\n`).join(''),
  );
  await writeFile(path.join(dataDirectory, 'standby.signal'), '');
  if (user !== undefined)
    await promisify(execFile)('chown', ['-R', `${user.uid}:${user.gid}`, dataDirectory]);
  const standby = new PostgresServer({
    binaries: requirePostgres(),
    directory,
    dataDirectory,
    user,
    options: {},
  });
  await standby.start();
  return standby;
}

async function backUp(primary: PostgresServer, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', fast => true)`);
    await promisify(execFile)('cp', ['-a', primary.dataDirectory, to]);
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
    );
    await writeFile(path.join(to, 'backup_label'), rows[0]!.labelfile);
  } finally {
    await client.end();
  }
  await rm(path.join(to, 'postmaster.pid'), { force: true });
  const slots = path.join(to, 'pg_replslot');
  for (const name of await readdir(slots)) await rm(path.join(slots, name), { recursive: true });
}

/** Until the standby has replayed everything that the primary has written by now. */
export async function untilReplayed(
  primary: PostgresServer,
  standby: PostgresServer,
): Promise<void> {
  const [row] = await queryPostgres(primary.url, 'SELECT pg_current_wal_lsn()::text AS lsn');
  await waitFor('the standby to replay', async () => {
    const [at] = await queryPostgres(
      standby.url,
      `SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached`,
      [row!['lsn']],
    );
    return at!['reached'] === true;
  });
}

export async function promote(standby: PostgresServer): Promise<void> {
  await queryPostgres(standby.url, 'SELECT pg_promote()');
}
