import { WeirError } from '../../../shared/errors/weir-error.ts';

/** Runs everything the pipeline needs on this machine; returns the exit code. */
export async function runRun(
  _file: string,
  _options: { until?: 'caught-up'; writers?: number },
): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir run is not in this version yet');
}
