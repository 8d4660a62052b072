import type { PipelineProblem } from './pipeline-rules.ts';

/** One step of `transforms`, read and checked. */
export interface TransformStep {
  /** The key that names it, e.g. `filter`. */
  kind: string;
  /** Globs over namespaces of the source; undefined is every one. */
  on: readonly string[] | undefined;
  /** What the step's kind makes of it. */
  settings: unknown;
}

/** Reads the list under `transforms`, as far as it can. Kinds of steps live with the service that takes them. */
export type ReadTransforms = (list: readonly unknown[]) => {
  steps: TransformStep[];
  /** Paths begin in the list. */
  problems: PipelineProblem[];
};

/** For pipelines without any. */
export const readNoTransforms: ReadTransforms = (list) => ({
  steps: [],
  problems: list.length === 0 ? [] : [{ path: [], message: 'are not known here; leave them out' }],
});
