import { stat } from 'node:fs/promises';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { resetByServices } from '../../supervisor/remote-reset.ts';
import { resetBroker, resetPipeline } from '../../wiring/reset-pipeline.ts';

/** Removes what a pipeline created, but not the data. Repeatable. */
export async function runReset(pipeline: string): Promise<number> {
  const say = (line: string): void => console.log(line);
  const isName = /^[a-z0-9-]{1,32}$/.test(pipeline) && !(await isFile(pipeline));
  if (isName)
    await resetByServices(pipeline, say, (hub, url) => resetBroker(hub, pipeline, url, say));
  else await resetPipeline(await readPipelineFile(pipeline, PIPELINE_PARTS), say);
  return 0;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
