import { connectHub } from '../../shared/hub/hub.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';
import type { PipelineReport } from '../../shared/progress/pipeline-report.ts';
import { waitFor, type WaitOptions } from './wait-for.ts';

/** What the stats service of a pipeline says; waits for a report that `matches`. */
export async function waitForReport(
  natsUrl: string,
  pipeline: string,
  what: string,
  matches: (report: PipelineReport) => boolean,
  options: WaitOptions = {},
): Promise<PipelineReport> {
  const hub = await connectHub({ url: natsUrl, name: 'test/report' });
  let latest: PipelineReport | undefined;
  const stop = watchStatus(hub.control, pipeline, (status) => {
    if (status.service === 'stats') latest = status.report;
  });
  try {
    return await waitFor(
      `that the stats service says ${what}`,
      () => {
        if (latest === undefined) throw new Error('no stats service was heard');
        const short = { ...latest, namespaces: undefined, lanes: undefined, broker: undefined };
        if (!matches(latest)) throw new Error(`it says ${JSON.stringify(short)}`);
        return latest;
      },
      options,
    );
  } finally {
    stop();
    await hub.close();
  }
}
