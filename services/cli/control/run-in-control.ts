import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { toWeirError } from '../../../shared/errors/weir-error.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { RunEnd, RunningPipeline } from '../../control/host.ts';
import { type MetricsPorts } from './metrics-ports.ts';
import type { ServiceEnd } from '../../supervisor/service-process.ts';
import { type Supervisor, startPipeline } from '../../supervisor/supervisor.ts';
import { untilStopped, requestRunning } from '../../supervisor/desired-state.ts';
import { watchPipeline } from '../../supervisor/watch-pipeline.ts';

export interface RunInControlOptions {
  hub: Hub;
  natsUrl: string;
  ports: MetricsPorts | null;
  file: string;
  spec: PipelineSpec;
  onLog: (line: string) => void;
}

/** One pipeline's services as `weir run` has them, under control: it ends as `weir run` would. */
export function runInControl(options: RunInControlOptions): RunningPipeline {
  const { spec } = options;
  const over = new AbortController();
  const started = startServices(options);
  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    over.abort();
    const services = await started.catch(() => null);
    await services?.stop();
  };
  return {
    ended: Promise.race([
      started.then(({ ended }) => ended).then((end) => toRunEnd(end, spec), couldNotStart),
      untilStoppedAsWanted(options.hub, spec.name, over.signal),
    ]),
    stop: () => (stopping ??= stop()),
  };
}

/** All services of the pipeline, with one that tells of it in this process, as `weir run` has it. */
async function startServices({
  hub,
  natsUrl,
  ports,
  file,
  spec,
  onLog,
}: RunInControlOptions): Promise<Pick<Supervisor, 'ended' | 'stop'>> {
  const transformers = spec.transforms.length === 0 ? 0 : spec.transformers;
  const row = (await ports?.take(2 + spec.writers + transformers)) ?? null;
  const { writers } = spec;
  const supervisor = startPipeline({ file, spec, natsUrl, writers, metricsListen: row, onLog });
  const stopWatching = await watchPipeline(hub, spec.name, row).catch(async (error: unknown) => {
    await supervisor.stop();
    if (row !== null) ports?.release(row);
    throw error;
  });
  return {
    ended: supervisor.ended,
    async stop() {
      await supervisor.stop();
      await stopWatching();
      if (row !== null) ports?.release(row);
    },
  };
}

function toRunEnd({ exitCode, service, reason }: ServiceEnd, { mode }: PipelineSpec): RunEnd {
  if (exitCode === 0) return { how: mode === 'snapshot' ? 'finished' : 'reset', reason: null };
  return { how: 'failed', reason: `${service}: ${reason ?? 'it ended without saying why'}` };
}

function couldNotStart(error: unknown): RunEnd {
  return { how: 'failed', reason: toWeirError(error).message };
}

/** Asks again where nobody could answer: what ends a pipeline for good ends its services, too. */
async function untilStoppedAsWanted(
  hub: Hub,
  pipeline: string,
  signal: AbortSignal,
): Promise<RunEnd> {
  while (!signal.aborted) {
    try {
      await requestRunning(hub, pipeline, signal);
      if ((await untilStopped(hub, pipeline, signal)) === 'stopped')
        return { how: 'stopped', reason: null };
    } catch (error) {
      if (toWeirError(error).code === 'INTERNAL') throw error;
      await pause(1_000, signal);
    }
  }
  return { how: 'stopped', reason: null };
}
