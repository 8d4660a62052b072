import { connect } from 'nats';
import { watchNotices } from '../../shared/hub/notices.ts';
import { PIPELINE } from './pipeline-run.ts';

/**
 * When the target had committed that many rows of the copy, by what the writers tell after each commit; asking the
 * target itself would count a million rows again and again. Rejects when aborted before that.
 */
export async function waitForRows(
  natsUrl: string,
  rows: number,
  signal: AbortSignal,
): Promise<number> {
  const nats = await connect({ servers: natsUrl });
  let stop = (): void => undefined;
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      let committed = 0;
      stop = watchNotices(nats, PIPELINE, (notice) => {
        if (notice.kind !== 'chunk') return;
        committed += notice.rows;
        if (committed >= rows) resolve(Date.now());
      });
    });
  } finally {
    stop();
    await nats.close();
  }
}
