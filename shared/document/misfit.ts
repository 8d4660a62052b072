/** `type`: the column holds no values of this BSON type. `value`: it does, but not this one without loss. */
export class Misfit extends Error {
  readonly problem: 'type' | 'value';

  constructor(problem: 'type' | 'value') {
    super(problem);
    this.problem = problem;
  }
}
