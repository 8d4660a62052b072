import { WeirError } from '../errors/weir-error.ts';

/** What is refused while the pipeline is to run. */
export function stillRunning(pipeline: string): WeirError {
  return new WeirError(
    'ALREADY_RUNNING',
    `pipeline ${pipeline} runs, so nothing of it was removed; pause it with \`weir pause ${pipeline}\` (or end it with \`weir stop ${pipeline}\`) and reset it then`,
  );
}
