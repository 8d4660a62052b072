import { checkPipeline } from '../../../services/cli/check/pipeline-check.ts';
import { PIPELINE_PARTS } from '../../../services/cli/pipeline-parts.ts';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';

/** What `weir check` says before the pipeline is there: its sentences, and the kinds of things that stay behind. */
export async function checkFile(file: string): Promise<{ told: string[]; notCarried: string[] }> {
  const report = await checkPipeline(await readPipelineFile(file, PIPELINE_PARTS));
  const findings = report.parts.flatMap((part) => part.findings);
  return {
    told: findings.map(({ subject, message }) => `${subject}: ${message}`),
    notCarried: findings.flatMap(({ details }) => (details ?? []).map(({ kind }) => kind)),
  };
}
