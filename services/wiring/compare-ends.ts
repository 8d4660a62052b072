import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { PipelineEnds } from './pipeline-ends.ts';
import {
  type VerifyOptions,
  type VerifyReport,
  verifyPipeline,
} from '../verifier/verify-pipeline.ts';

/** Connects to both ends of a pipeline and compares them row by row. */
export async function compareEnds(
  spec: PipelineSpec,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  refuseTransformed(spec);
  const verifiers = (await PipelineEnds.load(spec)).createVerifiers();
  try {
    return await verifyPipeline(spec, verifiers, options);
  } finally {
    await Promise.all([verifiers.source.close(), verifiers.target.close()]);
  }
}

/** Throws NOT_SUPPORTED where rows are not at the target as they are at the source. */
export function refuseTransformed({ transforms }: Pick<PipelineSpec, 'transforms'>): void {
  if (transforms.length > 0)
    throw new WeirError(
      'NOT_SUPPORTED',
      'weir verify compares rows as they are, and this pipeline transforms them; compare counts with weir status, and rows with weir transform test',
    );
}
