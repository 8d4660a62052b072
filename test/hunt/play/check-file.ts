import { checkPipeline } from '../../../services/preflight/pipeline-check.ts';
import { PIPELINE_PARTS } from '../../../services/wiring/pipeline-parts.ts';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';

export interface Checked {
  /** Its sentences. */
  told: string[];
  /** Kinds of things that stay behind. */
  notCarried: string[];
  /** Tables that are carried, as `schema.table`. */
  namespaces: string[];
}

/** What `weir check` says before the pipeline is there. */
export async function checkFile(file: string): Promise<Checked> {
  const report = await checkPipeline(await readPipelineFile(file, PIPELINE_PARTS));
  const findings = report.parts.flatMap((part) => part.findings);
  return {
    told: findings.map(({ subject, message }) => `${subject}: ${message}`),
    namespaces: report.namespaces.map(({ namespace }) => namespace),
    notCarried: findings.flatMap(({ details }) => (details ?? []).map(({ kind }) => kind)),
  };
}
