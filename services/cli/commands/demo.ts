import { WeirError } from '../../../shared/errors/weir-error.ts';

export async function runDemo(_options: {
  stay: boolean;
  rows: number;
  seconds: number;
}): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir demo is not in this version yet');
}
