import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { compareEnds } from '../../wiring/compare-ends.ts';
import { namespaceText, verdictText } from '../../verifier/verify-text.ts';

/** Compares source and target row by row: 0 equal, 1 different or not to be told. */
export async function runVerify(
  file: string,
  options: { json: boolean; settle: number },
): Promise<number> {
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  const report = await compareEnds(spec, {
    settleMs: options.settle * 1_000,
    onNamespace: (each) => {
      if (!options.json) console.log(namespaceText(each));
    },
  });
  console.log(options.json ? JSON.stringify(report, null, 2) : verdictText(report));
  return report.equal ? 0 : 1;
}
