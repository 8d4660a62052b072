import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { checkText } from '../text/check-text.ts';
import { checkPipeline } from '../../preflight/pipeline-check.ts';

/** Says whether a pipeline can run: 0 fit, 1 not. */
export async function runCheck(file: string, options: { json: boolean }): Promise<number> {
  const report = await checkPipeline(await readPipelineFile(file, PIPELINE_PARTS), { known: true });
  console.log(options.json ? JSON.stringify(report, null, 2) : checkText(report));
  return report.fit ? 0 : 1;
}
