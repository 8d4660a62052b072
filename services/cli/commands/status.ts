import type { PipelineProgress } from '../../../shared/connector/sink.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { askTarget } from '../../../shared/hub/ask.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { countParked } from '../../../shared/progress/balance.ts';
import type { ServiceStatus } from '../../../shared/progress/status.ts';
import { knownNatsUrls } from '../../supervisor/known-servers.ts';
import { reportOf, statusLine } from '../status/status-line.ts';
import { balanceLines } from '../status/status-table.ts';

/** Services answer a ping at once; this is for slow networks. */
const LISTEN_MS = 1_000;
const ANSWER_MS = 3_000;

interface PipelineNow {
  services: ServiceStatus[];
  /** Null where no writer answers. */
  parked: PipelineProgress['parked'] | null;
}

/** Shows how pipelines are doing; 1 when anything is wrong. */
export async function runStatus(
  name: string | undefined,
  options: { json: boolean },
): Promise<number> {
  const pipelines = new Map<string, PipelineNow>();
  for (const url of await knownNatsUrls())
    for (const [pipeline, now] of await look(url, name ?? null)) {
      const before = pipelines.get(pipeline);
      const services = [...(before?.services ?? []), ...now.services];
      pipelines.set(pipeline, { services, parked: now.parked ?? before?.parked ?? null });
    }

  const wrong =
    (name !== undefined && pipelines.size === 0) || [...pipelines.values()].some(isWrong);
  if (options.json) {
    const entries = [...pipelines].map(([pipeline, now]) => ({
      pipeline,
      ok: !isWrong(now),
      parked: now.parked,
      services: now.services,
    }));
    process.stdout.write(`${JSON.stringify({ pipelines: entries }, null, 2)}\n`);
  } else if (pipelines.size === 0) {
    process.stdout.write(
      name === undefined ? 'no pipeline is running\n' : `${name} is not running\n`,
    );
  } else {
    for (const [pipeline, { services, parked }] of pipelines) {
      const aside = parked === null ? undefined : countParked({ parked });
      process.stdout.write(
        [`${pipeline}: ${statusLine(services, aside)}`, ...balanceLines(services), ''].join('\n'),
      );
    }
  }
  return wrong ? 1 : 0;
}

/**
 * A pipeline is in order when a reader and a writer live, none of its services has a problem or a warning, and nothing
 * is parked.
 */
function isWrong({ services, parked }: PipelineNow): boolean {
  const kinds = new Set(services.map((status) => status.service));
  return (
    !kinds.has('source-reader') ||
    !kinds.has('target-writer') ||
    countParked({ parked: parked ?? {} }) > 0 ||
    services.some((status) => status.problem !== null || status.phase === 'failed') ||
    services.some((s) => s.service === 'source-reader' && s.retention?.warning != null) ||
    services.some((s) => s.service === 'target-writer' && s.warnings.length > 0) ||
    ['stuck', 'unbalanced', 'failed', 'down'].includes(reportOf(services)?.state ?? '')
  );
}

async function look(url: string, pipeline: string | null): Promise<Map<string, PipelineNow>> {
  const found = new Map<string, PipelineNow>();
  try {
    const hub = await connectHub({ url, name: 'weir/status' });
    try {
      for (const status of await listen(hub, pipeline)) {
        const now = found.get(status.pipeline) ?? { services: [], parked: null };
        now.services.push(status);
        found.set(status.pipeline, now);
      }
      for (const [name, now] of found) now.parked = await readParked(hub, name);
    } finally {
      await hub.close();
    }
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stderr.write(`weir: ${error.message}\n`);
  }
  return found;
}

async function listen(hub: Hub, pipeline: string | null): Promise<ServiceStatus[]> {
  const latest = new Map<string, ServiceStatus>();
  const stop = watchStatus(hub.control, pipeline, (status) => latest.set(status.id, status));
  await pause(LISTEN_MS, new AbortController().signal);
  stop();
  return [...latest.values()];
}

async function readParked(hub: Hub, pipeline: string): Promise<PipelineNow['parked']> {
  try {
    const progress = await askTarget(hub.control, pipeline, { op: 'progress' }, ANSWER_MS);
    return progress?.parked ?? {};
  } catch (error) {
    // Nobody answers, or the target is away: the services' own statuses say so.
    if (!(error instanceof WeirError)) throw error;
    return null;
  }
}
