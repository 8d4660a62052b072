import { startService, SERVICES } from '../../wiring/start-service.ts';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { errorPolicy } from '../../../shared/errors/error-policy.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { parseLogLevel } from '../../../shared/logging/log-level.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { serveMetrics } from '../../../shared/metrics/metrics-server.ts';
import { Monitoring } from '../../../shared/metrics/monitoring.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { stopSignal } from '../stop-signal.ts';
import { weirVersion } from '../../supervisor/weir-version.ts';

const PATIENCE_MS = 30_000;
/** Less than what `weir run` and the container give it before they kill it. */
const STOP_DEADLINE_MS = 10_000;

/** Runs one service of the pipeline alone; returns the exit code. */
export async function runService(
  name: string,
  options: { pipeline: string; metricsListen?: string },
): Promise<number> {
  const service = SERVICES.find((known) => known === name);
  if (service === undefined)
    throw new WeirError(
      'CONFIG_INVALID',
      `there is no service "${name}"; the services are ${SERVICES.join(', ')}`,
    );
  const listen = parseListenAddress(options.metricsListen ?? process.env['WEIR_METRICS_LISTEN']);
  const spec = await readPipelineFile(options.pipeline, PIPELINE_PARTS);
  const natsUrl = spec.nats.url?.reveal();
  if (natsUrl === undefined)
    throw new WeirError(
      'CONFIG_INVALID',
      'a service alone needs a NATS server: name it in the file (nats: { url }) or in WEIR_NATS_URL',
    );
  const log = createLogger({
    service,
    pipeline: spec.name,
    level: parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'info'),
  });
  const stop = stopSignal({ deadlineMs: STOP_DEADLINE_MS });
  const monitoring = new Monitoring({ pipeline: spec.name, service, version: weirVersion() });
  const metrics = listen === null ? null : await serveMetrics(monitoring, listen);
  if (metrics !== null) log.info({ url: metrics.url }, 'metrics are served');
  let hub: Hub | null = null;
  try {
    hub = await connectPatiently(natsUrl, `weir/${spec.name}/${service}`, stop.signal);
    hub.refused.tell(log, (kind) => monitoring.refused(kind));
    log.info({ pid: process.pid }, 'service started');
    await startService(service, spec, { hub, log, monitoring, signal: stop.signal });
    log.info('service stopped');
    return 0;
  } finally {
    await hub?.close();
    await metrics?.stop();
    stop.dispose();
  }
}

/** A broker that is being started, or started again, is worth waiting for. */
async function connectPatiently(url: string, name: string, signal: AbortSignal): Promise<Hub> {
  const giveUpAtMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await connectHub({ url, name });
    } catch (error) {
      const hopeless = errorPolicy(error) !== 'retry' || Date.now() > giveUpAtMs;
      if (hopeless || signal.aborted) throw error;
      await pause(500, signal);
    }
  }
}
