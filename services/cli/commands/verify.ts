import { WeirError } from '../../../shared/errors/weir-error.ts';

export async function runVerify(_file: string, _options: { json: boolean }): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir verify is not in this version yet');
}
