import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub } from '../../../shared/hub/hub.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { ServiceStatus } from '../../../shared/progress/status.ts';
import { knownNatsUrls } from '../supervisor/known-servers.ts';
import { reportOf, statusLine } from '../supervisor/status-line.ts';
import { balanceLines } from '../supervisor/status-table.ts';

/** Services answer a ping at once; this is for slow networks. */
const LISTEN_MS = 1_000;

/** Shows how pipelines are doing; 1 when anything is wrong. */
export async function runStatus(
  name: string | undefined,
  options: { json: boolean },
): Promise<number> {
  const pipelines = new Map<string, ServiceStatus[]>();
  for (const url of await knownNatsUrls())
    for (const status of await listen(url, name ?? null))
      pipelines.set(status.pipeline, [...(pipelines.get(status.pipeline) ?? []), status]);

  const wrong =
    (name !== undefined && pipelines.size === 0) || [...pipelines.values()].some(isWrong);
  if (options.json) {
    const entries = [...pipelines].map(([pipeline, services]) => ({
      pipeline,
      ok: !isWrong(services),
      services,
    }));
    process.stdout.write(`${JSON.stringify({ pipelines: entries }, null, 2)}\n`);
  } else if (pipelines.size === 0) {
    process.stdout.write(`${name ?? 'no pipeline'} is not running\n`);
  } else {
    for (const [pipeline, services] of pipelines)
      process.stdout.write(
        [`${pipeline}: ${statusLine(services)}`, ...balanceLines(services), ''].join('\n'),
      );
  }
  return wrong ? 1 : 0;
}

/** A pipeline is in order when a reader and a writer live and none of its services has a problem or a warning. */
function isWrong(services: readonly ServiceStatus[]): boolean {
  const kinds = new Set(services.map((status) => status.service));
  return (
    !kinds.has('source-reader') ||
    !kinds.has('target-writer') ||
    services.some((status) => status.problem !== null || status.phase === 'failed') ||
    services.some((s) => s.service === 'source-reader' && s.retention?.warning != null) ||
    ['stuck', 'unbalanced', 'failed', 'down'].includes(reportOf(services)?.state ?? '')
  );
}

async function listen(url: string, pipeline: string | null): Promise<ServiceStatus[]> {
  const latest = new Map<string, ServiceStatus>();
  try {
    const hub = await connectHub({ url, name: 'weir/status' });
    const stop = watchStatus(hub.control, pipeline, (status) => latest.set(status.id, status));
    await pause(LISTEN_MS, new AbortController().signal);
    stop();
    await hub.close();
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stderr.write(`weir: ${error.message}\n`);
  }
  return [...latest.values()];
}
