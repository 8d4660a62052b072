import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { PIPELINE_PARTS } from '../pipeline-parts.ts';
import { PipelineEnds } from '../pipeline-ends.ts';
import { verifyPipeline } from '../verify/verify-pipeline.ts';
import { namespaceText, verdictText } from '../verify/verify-text.ts';

/** Compares source and target row by row: 0 equal, 1 different or not to be told. */
export async function runVerify(
  file: string,
  options: { json: boolean; settle: number },
): Promise<number> {
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  if (spec.transforms.length > 0)
    throw new WeirError(
      'NOT_SUPPORTED',
      'weir verify compares rows as they are, and this pipeline transforms them; compare counts with weir status, and rows with weir transform test',
    );
  const verifiers = (await PipelineEnds.load(spec)).createVerifiers();
  try {
    const report = await verifyPipeline(spec, verifiers, {
      settleMs: options.settle * 1_000,
      onNamespace: (each) => {
        if (!options.json) console.log(namespaceText(each));
      },
    });
    console.log(options.json ? JSON.stringify(report, null, 2) : verdictText(report));
    return report.equal ? 0 : 1;
  } finally {
    await Promise.all([verifiers.source.close(), verifiers.target.close()]);
  }
}
