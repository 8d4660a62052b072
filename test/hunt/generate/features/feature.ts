import type { Draft } from '../draft.ts';

/** One thing that a database may have beside what is ordinary. */
export interface Feature {
  name: string;
  weight: number;
  since?: number;
  /** Extension that it needs on the server. */
  extension?: string;
  apply(draft: Draft): void;
}
