import { createRequire } from 'node:module';
import path from 'node:path';
import type { Logger } from 'pino';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import type { Hub } from '../../../shared/hub/hub.ts';
import type { ListenAddress } from '../../../shared/metrics/listen-address.ts';
import { serveMetrics } from '../../../shared/metrics/metrics-server.ts';
import { Monitoring } from '../../../shared/metrics/monitoring.ts';
import { ConsoleFiles } from '../../control/console-files.ts';
import { type Control, startControl } from '../../control/control.ts';
import { PipelineFiles } from '../../control/pipeline-files.ts';
import { projectRoot } from '../../supervisor/embedded/project-root.ts';
import { weirVersion } from '../../supervisor/weir-version.ts';
import type { Access } from './access-options.ts';
import { createControlHost } from './control-host.ts';
import { MetricsPorts } from './metrics-ports.ts';

export interface BeginControlOptions {
  hub: Hub;
  natsUrl: string;
  access: Access;
  log: Logger;
  /** Where pipelines that are created are kept; null: none can be, and no service is started. */
  state: string | null;
  files: readonly { file: string; spec: PipelineSpec }[];
  /** Where metrics are served, and behind it those of the services that are started here; null: nowhere. */
  metricsListen: ListenAddress | null;
}

/** The control service with everything that it takes from the rest of Weir. */
export async function beginControl(options: BeginControlOptions): Promise<Control> {
  const { hub, natsUrl, access, log, state, files, metricsListen } = options;
  const version = weirVersion();
  const monitoring = new Monitoring({ service: 'control', version });
  hub.refused.tell(log, (kind) => monitoring.refused(kind));
  const ports = metricsListen === null ? null : new MetricsPorts(metricsListen);
  const control = await startControl({
    hub,
    natsUrl,
    log,
    files,
    host: createControlHost({ hub, natsUrl, runs: state !== null, ports }),
    library: state === null ? null : await PipelineFiles.open(state),
    listen: access.listen,
    tokens: access.tokens,
    console: await ConsoleFiles.load(consoleFolders()),
    version,
    monitoring,
  });
  if (ports === null || metricsListen === null) return control;
  try {
    const metrics = await serveMetrics(monitoring, metricsListen, (asked) => ports.targets(asked));
    log.info({ url: metrics.url }, 'metrics are served');
    return {
      ...control,
      async stop() {
        await control.stop();
        await metrics.stop();
      },
    };
  } catch (error) {
    await control.stop();
    throw error;
  }
}

function consoleFolders() {
  const root = projectRoot();
  const uplot = createRequire(import.meta.url).resolve('uplot/package.json');
  return {
    written: path.join(root, 'services', 'control', 'console'),
    built: path.join(root, 'dist', 'services', 'control', 'console'),
    uplot: path.join(path.dirname(uplot), 'dist'),
  };
}
