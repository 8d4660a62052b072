import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { RetrySteps } from '../../shared/connector/parking.ts';
import type { Chains } from '../transformer/chains.ts';

type Transformed = Pick<PipelineSpec, 'map' | 'transforms'>;

/**
 * The steps of a pipeline, with what this process knows of what they need. Null where there are none: what takes rows
 * through steps is then not loaded either, as it makes the start half as long again.
 */
export async function loadChains({
  transforms,
}: Pick<Transformed, 'transforms'>): Promise<Chains | null> {
  if (transforms.length === 0) return null;
  const { Chains } = await import('../transformer/chains.ts');
  return new Chains(transforms, { env: process.env });
}

/** For parked rows that a step failed for. */
export async function loadRetry(chains: Chains): Promise<RetrySteps> {
  const { createRetry } = await import('../transformer/retry-steps.ts');
  return createRetry(chains);
}

/** Which namespace of the target holds which of the source. */
export async function loadNamespaceMap({
  map,
  transforms,
}: Transformed): Promise<PipelineSpec['map']> {
  if (transforms.length === 0) return map;
  const { createNamespaceMap } = await import('../transformer/routes.ts');
  return createNamespaceMap(map, transforms);
}
