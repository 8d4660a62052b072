import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { commonDataType, TRANSFORMED } from '../../../shared/connector/data-type.ts';
import { errorPolicy } from '../../../shared/errors/error-policy.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { parseLogLevel } from '../../../shared/logging/log-level.ts';
import { createLogger, type Logger } from '../../../shared/logging/logger.ts';
import { parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { serveMetrics } from '../../../shared/metrics/metrics-server.ts';
import { Monitoring } from '../../../shared/metrics/monitoring.ts';
import { connectorFor } from '../../connectors/registry.ts';
import { PIPELINE_PARTS } from '../pipeline-parts.ts';
import { cannotSpread, spreadsRows } from '../../transformer/spreads-rows.ts';
import { createPlanShape } from '../../transformer/plan-shape.ts';
import { typesMisfit } from '../pipeline-ends.ts';
import { stateFolder } from '../state-folder.ts';
import { stopSignal } from '../stop-signal.ts';
import { loadChains, loadNamespaceMap, loadRetry } from '../transform-chains.ts';
import { weirVersion } from '../weir-version.ts';

const SERVICES = ['source-reader', 'transformer', 'target-writer', 'stats'] as const;
const PATIENCE_MS = 30_000;
/** Less than what `weir run` and the container give it before they kill it. */
const STOP_DEADLINE_MS = 10_000;
type ServiceName = (typeof SERVICES)[number];

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

export interface ServiceParts {
  hub: Hub;
  log: Logger;
  monitoring: Monitoring;
  signal: AbortSignal;
}

/** Each service loads what it needs and no more: what the others need would double the time of its start. */
export async function startService(
  service: ServiceName,
  spec: PipelineSpec,
  shared: ServiceParts,
): Promise<void> {
  if (service === 'stats') {
    const { runStats } = await import('../../stats/stats.ts');
    return runStats({ ...shared, pipeline: spec.name });
  }
  const chains = await loadChains(spec);
  if (service === 'transformer') {
    const { runTransformer } = await import('../../transformer/transformer.ts');
    if (chains !== null) return runTransformer({ ...shared, spec, chains });
    throw new WeirError(
      'CONFIG_INVALID',
      'the pipeline has no transforms, so it needs no transformer',
    );
  }
  const end = service === 'source-reader' ? spec.source : spec.target;
  const url = end.url.reveal();
  const connector = await connectorFor(url);
  const common = { pipeline: spec.name, url, log: shared.log };
  if (service === 'source-reader') {
    if (connector.createSource === undefined)
      throw new WeirError('NOT_SUPPORTED', 'the source connector of this pipeline cannot be read');
    const target = await connectorFor(spec.target.url.reveal());
    const { gives, source: can } = connector.getInfo();
    const { takes } = target.getInfo();
    const seen = chains === null ? gives : gives.filter((type) => TRANSFORMED.includes(type));
    const dataType = commonDataType(seen, takes);
    if (dataType === null)
      throw new WeirError('NOT_SUPPORTED', 'the target takes nothing that this source gives');
    const { runSourceReader } = await import('../../source-reader/source-reader.ts');
    const planShape = chains === null ? null : createPlanShape(chains);
    const source = connector.createSource(common);
    // One connection has the snapshot, and it reads one chunk after the other.
    const readers = can?.snapshot === 'single' ? 1 : spec.readers;
    return runSourceReader({ ...shared, spec: { ...spec, readers }, source, dataType, planShape });
  }
  if (connector.createSink === undefined)
    throw new WeirError('NOT_SUPPORTED', 'the target connector of this pipeline cannot be written');
  if (spreadsRows(spec.transforms) && connector.getInfo().spreads !== true)
    throw new WeirError('NOT_SUPPORTED', cannotSpread(connector.getInfo().kind));
  const misfit = typesMisfit(spec, connector.getInfo());
  if (misfit !== null) throw new WeirError('CONFIG_INVALID', misfit);
  const sink = connector.createSink({
    ...common,
    create: spec.target.create,
    map: await loadNamespaceMap(spec),
    types: spec.types,
    order: spec.order,
    workers: spec.workers,
    stateFolder: stateFolder(),
    onBadRow: spec.onBadRow,
    ...(chains !== null && { retrySteps: await loadRetry(chains) }),
  });
  const { runTargetWriter } = await import('../../target-writer/target-writer.ts');
  return runTargetWriter({ ...shared, spec, sink });
}
