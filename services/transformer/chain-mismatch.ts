import { WeirError } from '../../shared/errors/weir-error.ts';

/** Steps that cannot be done to a namespace; each problem names its step. */
export class ChainMismatch extends WeirError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('CONFIG_INVALID', `transforms: ${problems.join('; ')}`);
    this.problems = problems;
  }
}
