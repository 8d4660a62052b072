import type { Hub } from '../../shared/hub/hub.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { loadChains, loadNamespaceMap, loadRetry } from './transform-chains.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { connectorFor } from '../connectors/registry.ts';
import { TRANSFORMED, commonDataType } from '../../shared/connector/data-type.ts';
import { createPlanShape } from '../transformer/plan-shape.ts';
import { fansOut, cannotFanOut } from '../transformer/fans-out.ts';
import { createSinkOf, typesMisfit } from './pipeline-ends.ts';

export const SERVICES = ['source-reader', 'transformer', 'target-writer', 'stats'] as const;

export type ServiceName = (typeof SERVICES)[number];

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
    const { runStats } = await import('../stats/stats.ts');
    return runStats({ ...shared, pipeline: spec.name });
  }
  const chains = await loadChains(spec);
  if (service === 'transformer') {
    const { runTransformer } = await import('../transformer/transformer.ts');
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
      throw new WeirError(
        'NOT_SUPPORTED',
        'the target accepts none of the formats that this source sends',
      );
    const { runSourceReader } = await import('../source-reader/source-reader.ts');
    const planShape = chains === null ? null : createPlanShape(chains);
    const source = connector.createSource(common);
    // One connection has the snapshot, and it reads one chunk after the other.
    const readers = can?.snapshot === 'single' ? 1 : spec.readers;
    return runSourceReader({ ...shared, spec: { ...spec, readers }, source, dataType, planShape });
  }
  if (fansOut(spec.transforms) && connector.getInfo().spreads !== true)
    throw new WeirError('NOT_SUPPORTED', cannotFanOut(connector.getInfo().kind));
  const misfit = typesMisfit(spec, connector.getInfo());
  if (misfit !== null) throw new WeirError('CONFIG_INVALID', misfit);
  const sink = createSinkOf(connector, spec, {
    log: shared.log,
    map: await loadNamespaceMap(spec),
    ...(chains !== null && { retrySteps: await loadRetry(chains) }),
  });
  const { runTargetWriter } = await import('../target-writer/target-writer.ts');
  return runTargetWriter({ ...shared, spec, sink });
}
