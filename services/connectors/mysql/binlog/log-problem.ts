import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** Something in the log that is not understood, or may not be there: reading ends here. */
export function logProblem(where: string, what: string): WeirError {
  return new WeirError('SOURCE_UNFIT', `The binary log cannot be followed at ${where}: ${what}.`);
}
