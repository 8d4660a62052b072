import { WeirError } from '../../../shared/errors/weir-error.ts';

/** Runs one service of the pipeline alone; returns the exit code. */
export async function runService(_name: string, _options: { pipeline: string }): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir service is not in this version yet');
}
