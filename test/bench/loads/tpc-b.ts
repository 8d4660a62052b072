import { spawn } from 'node:child_process';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { awaitSuccess } from '../child-success.ts';
import type { DataSet } from '../data/data-set.ts';
import { findPostgresTool } from '../psql.ts';
import type { ChangeLoad } from './change-load.ts';

/** Of the manual's "pgbench", at scale 1: one branch, ten tellers, 100,000 accounts, and a history without a key. */
const ACCOUNTS = 100_000;
const TELLERS = 10;
/** Of each transaction: an account, a teller and the branch are updated, a row of history is inserted. */
const CHANGES = 4;

const TABLES: DataSet = {
  tables: [
    { name: 'public.pgbench_accounts', order: 'aid' },
    { name: 'public.pgbench_branches', order: 'bid' },
    { name: 'public.pgbench_tellers', order: 'tid' },
    { name: 'public.pgbench_history', order: 'tid, bid, aid, delta, mtime' },
  ],
  definition: `
    CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88)) WITH (fillfactor = 100);
    CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84)) WITH (fillfactor = 100);
    CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84)) WITH (fillfactor = 100);
    CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))`,
  // As `pgbench --initialize` fills them.
  fill: (rows) => [
    `INSERT INTO pgbench_branches SELECT 1, 0`,
    `INSERT INTO pgbench_tellers SELECT n, 1, 0 FROM generate_series(1, ${TELLERS}) AS n`,
    `INSERT INTO pgbench_accounts SELECT n, 1, 0, '' FROM generate_series(1, ${rows - TELLERS - 1}) AS n`,
  ],
};

/** pgbench's own transaction: every one updates the same branch and one of ten tellers. */
export function tpcB(wanted: number): ChangeLoad {
  const transactions = Math.max(1, Math.round(wanted / CHANGES));
  return {
    data: TABLES,
    rows: ACCOUNTS + TELLERS + 1,
    changes: transactions * CHANGES,
    work: `${(transactions * CHANGES).toLocaleString('en-US')} changes of pgbench's TPC-B, ${transactions.toLocaleString('en-US')} transactions at scale 1`,
    write: (url, signal) => runPgbench(url, transactions, signal),
  };
}

async function runPgbench(url: string, transactions: number, signal: AbortSignal): Promise<void> {
  const pgbench = findPostgresTool('pgbench') ?? missing();
  const args = ['--no-vacuum', '--client=1', '--protocol=prepared', '--random-seed=1'];
  const child = spawn(pgbench, [...args, `--transactions=${transactions}`, url], {
    env: { ...process.env, PGOPTIONS: '-c synchronous_commit=off' },
    stdio: ['ignore', 'ignore', 'ignore'],
    signal,
  });
  await awaitSuccess(child, 'pgbench');
}

function missing(): never {
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    'no pgbench found on this machine, which makes the hot keys; install the package "postgresql" or leave the case out.',
  );
}
