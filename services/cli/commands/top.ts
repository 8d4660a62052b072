import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { ServiceStatus } from '../../../shared/progress/status.ts';
import { stopSignal } from '../stop-signal.ts';
import { knownNatsUrls } from '../../supervisor/known-servers.ts';
import { StatusBoard } from '../status/status-line.ts';
import { pipelineTable } from '../status/status-table.ts';

const REDRAW_MS = 1_000;
/** Home, and clear what is below. */
const FIRST_LINE = '\u001b[H\u001b[J';

/** Every running pipeline in a table; live on a terminal, once elsewhere. */
export async function runTop(): Promise<number> {
  const board = new StatusBoard();
  const hubs: Hub[] = [];
  const stop = stopSignal();
  try {
    for (const url of await knownNatsUrls()) {
      const hub = await connectOrSay(url);
      if (hub === null) continue;
      hubs.push(hub);
      watchStatus(hub.control, null, (status) => board.put(status));
    }
    const { isTTY } = process.stdout;
    if (isTTY) process.stdout.write('\u001b[2J');
    do {
      await pause(REDRAW_MS, stop.signal);
      const lines = draw(board.services());
      const shown = isTTY ? lines.map((line) => line.slice(0, process.stdout.columns)) : lines;
      process.stdout.write(`${isTTY ? FIRST_LINE : ''}${shown.join('\n')}\n`);
    } while (isTTY && !stop.signal.aborted);
    return 0;
  } finally {
    for (const hub of hubs) await hub.close();
    stop.dispose();
  }
}

function draw(services: readonly ServiceStatus[]): string[] {
  if (services.length === 0) return ['no pipeline is running'];
  const pipelines = new Map<string, ServiceStatus[]>();
  for (const status of services)
    pipelines.set(status.pipeline, [...(pipelines.get(status.pipeline) ?? []), status]);
  return pipelineTable(new Map([...pipelines].sort(([a], [b]) => a.localeCompare(b))));
}

async function connectOrSay(url: string): Promise<Hub | null> {
  try {
    return await connectHub({ url, name: 'weir/top' });
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    process.stderr.write(`weir: ${error.message}\n`);
    return null;
  }
}
