import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { pause } from '../../../../../shared/lifecycle/backoff.ts';
import type { ControlConnection } from '../../connection/control-connection.ts';

const POLL_MS = 20;
const MAX_WAIT_MS = 60_000;

/**
 * Waits until others see what the transaction has done. The log shows a commit before that: a transaction counts as
 * running until its server process has let go of it, which may take as long as a standby that it waits for. Whoever reads
 * the catalog because of what the log says must not read it before. `transaction` is the 32-bit id, as a message has it.
 */
export async function awaitVisible(control: ControlConnection, transaction: number): Promise<void> {
  const until = Date.now() + MAX_WAIT_MS;
  for (;;) {
    const rows = await control.query<{ visible: boolean }>(
      'looking whether a transaction is visible',
      `SELECT (pg_snapshot_xmax(s)::text::numeric % 4294967296 - $1::numeric + 4294967296) % 4294967296
           BETWEEN 1 AND 2147483647
         AND NOT EXISTS (SELECT FROM pg_snapshot_xip(s) x WHERE x::text::numeric % 4294967296 = $1::numeric) AS visible
       FROM pg_current_snapshot() s`,
      [transaction],
    );
    if (rows[0]!.visible) return;
    if (Date.now() > until)
      throw new WeirError(
        'UNREACHABLE',
        `A transaction that changed a table is in the log of ${control.where} and cannot be seen by others after a minute; it waits for a standby (synchronous_standby_names) that does not answer.`,
      );
    await pause(POLL_MS, new AbortController().signal);
  }
}
