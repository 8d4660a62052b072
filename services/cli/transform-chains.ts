import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { Chains } from '../transformer/chains.ts';

/** The steps of a pipeline, with what this process knows of what they need. */
export function chainsOf({ transforms }: Pick<PipelineSpec, 'transforms'>): Chains {
  return new Chains(transforms, { env: process.env });
}
