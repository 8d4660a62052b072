import { WeirError } from '../../../shared/errors/weir-error.ts';

export async function runReset(_file: string): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir reset is not in this version yet');
}
