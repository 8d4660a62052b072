import type { ClientBase } from 'pg';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';

/** Runs a statement that changes the target's structure; a refusal names `what` and is for a person to solve. */
export async function runDdl(client: ClientBase, sql: string, what: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const found = toPostgresError(error, `${what} at the target`);
    if (found.retryable) throw found;
    const advice = adviceFor(found);
    throw new WeirError('TARGET_UNFIT', `${found.message} ${advice}`, {
      cause: found.cause,
      details: found.details,
    });
  }
}

/** The statements are the source's own words, so a target that does not understand one is older than the source. */
function adviceFor({ code, details }: WeirError): string {
  if (details.sqlState === '42601')
    return 'The target is of an older version of PostgreSQL, which does not know this; upgrade it, drop this at the source, or leave the table out with source.namespaces.';
  if (code === 'ACCESS_DENIED')
    return 'Grant the role what it names (CREATE on the schema or database, or ownership of the table).';
  return 'Make it there by hand, then start the pipeline again.';
}

export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // If the connection is gone, so is the transaction; what went wrong first is what to tell.
    await client.query('ROLLBACK').catch((late: unknown) => toPostgresError(late, 'rolling back'));
    throw error;
  }
}
