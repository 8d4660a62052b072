/** One safety step taken out, and the tests that must turn red without it. */
export interface Mutation {
  /** The step, as a promise that no longer holds. */
  name: string;
  /** Edits of the source; each text must occur exactly once. */
  edits: { file: string; find: string; replace: string }[];
  /** Arguments of vitest. */
  tests: string[];
}
