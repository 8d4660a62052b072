import type { Revision } from './revision.ts';

/** How far a consumer has answered. */
export interface Watermark {
  readonly incarnation: string;
  /** Everything up to here is answered or failed, except these keys. */
  readonly revision: Revision;
  readonly except: readonly string[];
  /** What it watches: of other keys its revision says nothing. */
  readonly prefixes: readonly string[];
}

/** A value that a consumer could not take, in its own words. */
export interface FailureRecord {
  readonly revision: Revision;
  readonly error: string;
  readonly attempts: number;
}

/** Consumers' answers, where publishers can read them: one watermark a consumer, one record a failure. */
export interface FeedbackStore {
  report(consumer: string, watermark: Watermark): Promise<void>;
  /** Undefined: it has been applied since. */
  fail(consumer: string, key: string, failure: FailureRecord | undefined): Promise<void>;
  read(consumer: string, key: string): Promise<Feedback>;
  /** Calls back when this consumer's answers may have changed; gives how to stop. */
  onChange(consumer: string, callback: () => void): () => void;
}

export interface Feedback {
  watermark: Watermark | undefined;
  failure: FailureRecord | undefined;
}
