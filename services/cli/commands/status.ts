import { WeirError } from '../../../shared/errors/weir-error.ts';

/** Shows how pipelines are doing; 1 when anything is wrong. */
export async function runStatus(
  _name: string | undefined,
  _options: { json: boolean },
): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir status is not in this version yet');
}
