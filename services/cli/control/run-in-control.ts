import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { toWeirError } from '../../../shared/errors/weir-error.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { RunEnd, RunningPipeline } from '../../control/host.ts';
import type { ServiceEnd } from '../supervisor/service-process.ts';
import { startPipeline } from '../supervisor/supervisor.ts';
import { untilStopped, wantRunning } from '../supervisor/wanted.ts';
import { watchPipeline } from '../supervisor/watch-pipeline.ts';

export interface RunInControlOptions {
  hub: Hub;
  natsUrl: string;
  file: string;
  spec: PipelineSpec;
  onLog: (line: string) => void;
}

/** One pipeline's services as `weir run` has them, under control: it ends as `weir run` would. */
export function runInControl(options: RunInControlOptions): RunningPipeline {
  const { hub, natsUrl, file, spec, onLog } = options;
  const over = new AbortController();
  const supervisor = startPipeline({
    file,
    spec,
    natsUrl,
    writers: spec.writers,
    metricsListen: null,
    onLog,
  });
  const watching = watchPipeline(hub, spec.name, null);
  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    over.abort();
    await supervisor.stop();
    await (
      await watching
    )();
  };
  return {
    ended: Promise.race([
      supervisor.ended.then((end) => toRunEnd(end, spec)),
      untilStoppedAsWanted(hub, spec.name, over.signal),
    ]),
    stop: () => (stopping ??= stop()),
  };
}

function toRunEnd({ exitCode, service, reason }: ServiceEnd, { mode }: PipelineSpec): RunEnd {
  if (exitCode === 0) return { how: mode === 'snapshot' ? 'finished' : 'reset', reason: null };
  return { how: 'failed', reason: `${service}: ${reason ?? 'it ended without saying why'}` };
}

/** Asks again where nobody could answer: what ends a pipeline for good ends its services, too. */
async function untilStoppedAsWanted(
  hub: Hub,
  pipeline: string,
  signal: AbortSignal,
): Promise<RunEnd> {
  while (!signal.aborted) {
    try {
      await wantRunning(hub, pipeline, signal);
      if ((await untilStopped(hub, pipeline, signal)) === 'stopped')
        return { how: 'stopped', reason: null };
    } catch (error) {
      if (toWeirError(error).code === 'INTERNAL') throw error;
      await pause(1_000, signal);
    }
  }
  return { how: 'stopped', reason: null };
}
