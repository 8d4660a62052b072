import { parsePipelineFile } from '../../../shared/config/pipeline-file.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import { URL_SCHEMES } from '../../connectors/registry.ts';
import type { Host } from '../../control/host.ts';
import { readTransforms } from '../../transformer/read-transforms.ts';
import { checkPipeline } from '../../preflight/pipeline-check.ts';
import { resetThrough } from '../../supervisor/remote-reset.ts';
import { resetBroker, resetPipeline } from '../../wiring/reset-pipeline.ts';
import { compareEnds } from '../../wiring/compare-ends.ts';
import type { MetricsPorts } from './metrics-ports.ts';
import { runInControl } from './run-in-control.ts';

export interface ControlHostOptions {
  hub: Hub;
  natsUrl: string;
  /** Whether control starts and ends services of its own. */
  runs: boolean;
  /** Where those serve metrics; null: nowhere. */
  ports: MetricsPorts | null;
}

/** What control takes from the rest of Weir: connectors, processes, comparisons. */
export function createControlHost({ hub, natsUrl, runs, ports }: ControlHostOptions): Host {
  const say = (): void => undefined;
  return {
    parse: (text, file) =>
      parsePipelineFile(text, {
        file,
        env: { ...process.env, WEIR_NATS_URL: natsUrl },
        schemes: URL_SCHEMES,
        readTransforms,
      }),
    check: (spec) => checkPipeline(spec, { known: true }),
    run: runs
      ? (file, spec, onLog) => runInControl({ hub, natsUrl, ports, file, spec, onLog })
      : null,
    verify: (spec, onNamespace, options) => compareEnds(spec, { ...options, onNamespace }),
    reset: (spec) => resetPipeline(spec, say),
    async resetByServices(pipeline) {
      if (await resetThrough(hub, pipeline, say)) return resetBroker(hub, pipeline, natsUrl, say);
      throw new WeirError(
        'UNREACHABLE',
        `no target-writer of ${pipeline} answers, so nobody here can reset it; use \`weir reset FILE\``,
      );
    },
  };
}
