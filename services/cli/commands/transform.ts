import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { samplePipeline } from '../transform/sample-pipeline.ts';
import { sampleJson, sampleText } from '../transform/sample-text.ts';

/** Shows what the steps make of real rows: 0 where all of them can be done, 1 where one fails. */
export async function runTransformTest(
  file: string,
  options: { sample: number; json: boolean },
): Promise<number> {
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  const sampled = await samplePipeline(spec, options.sample);
  console.log(options.json ? sampleJson(sampled) : sampleText(sampled));
  const failed = sampled.some(
    ({ problems, rows }) => problems.length > 0 || rows.some(({ failure }) => failure !== null),
  );
  return failed ? 1 : 0;
}
