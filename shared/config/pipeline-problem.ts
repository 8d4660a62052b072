/** One thing that is wrong: at which key, and what is allowed there. */
export interface PipelineProblem {
  path: readonly PropertyKey[];
  message: string;
}
