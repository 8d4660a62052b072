import type pg from 'pg';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';

const LEAF = 'leaf';
/** Going back to where nothing was locked gives the locks back. */
const BACK = `ROLLBACK TO SAVEPOINT ${LEAF}; RELEASE SAVEPOINT ${LEAF}`;

/**
 * A lock that is asked for and not given makes everybody wait who asks after us, even for what all of them could have at
 * once. So nobody is made to wait for longer than this.
 */
const LOCK_TIMEOUT = '2s';

/**
 * Locks the leaf, and the indexes that reading it looks at (planning locks them, REINDEX takes them away). False where
 * others hold it, or wait for it already. While it is held no statement changes what the leaf is.
 */
export async function tryLeaf(client: pg.Client, leaf: string): Promise<boolean> {
  return tryLocks(client, leaf, `EXPLAIN SELECT FROM ONLY ${leaf}`);
}

/** What `tryLeaf` has locked. */
export async function unlockLeaf(client: pg.Client): Promise<void> {
  await client.query(BACK);
}

/** The same of many leaves, for as long as the transaction lasts. */
export async function holdLeaves(client: pg.Client, leaves: readonly string[]): Promise<boolean> {
  if (leaves.length === 0) return true;
  const all = leaves.map((leaf) => `ONLY ${leaf}`).join(', ');
  const plans = leaves.map((leaf) => `EXPLAIN SELECT FROM ONLY ${leaf}`).join('; ');
  const locks = `LOCK TABLE ${all} IN ACCESS SHARE MODE; ${plans}; RELEASE SAVEPOINT ${LEAF}`;
  return tryLocks(client, 'a table', locks);
}

async function tryLocks(client: pg.Client, what: string, locks: string): Promise<boolean> {
  try {
    await client.query(`SAVEPOINT ${LEAF}; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'; ${locks}`);
    return true;
  } catch (error) {
    const state = error instanceof Error && 'code' in error ? error.code : undefined;
    if (state === '42P01' || state === '3F000')
      throw new WeirError(
        'COPY_INTERRUPTED',
        `${what} was dropped or renamed after the snapshot was taken, so the copy goes on under a new one`,
        { cause: error },
      );
    if (state !== '55P03') throw error;
    await client.query(BACK);
    return false;
  }
}
