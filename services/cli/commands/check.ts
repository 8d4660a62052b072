import { WeirError } from '../../../shared/errors/weir-error.ts';

export async function runCheck(_file: string, _options: { json: boolean }): Promise<number> {
  throw new WeirError('NOT_SUPPORTED', 'weir check is not in this version yet');
}
