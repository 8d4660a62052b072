import type { PipelineParts } from '../../shared/config/pipeline-file.ts';
import { URL_SCHEMES } from '../connectors/registry.ts';

/** What the pipeline files of this version may name. */
export const PIPELINE_PARTS: PipelineParts = {
  schemes: URL_SCHEMES,
  loadTransforms: async () => (await import('../transformer/read-transforms.ts')).readTransforms,
};
