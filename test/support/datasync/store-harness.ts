import type { Transport } from '../../../shared/datasync/index.ts';

/** A store that the suite can treat as the world treats stores. Each is empty when made, and used by one test. */
export interface StoreHarness {
  /** One more client. */
  transport(): Transport;
  /** A client whose connection never breaks here. */
  outside(): Transport;
  /** The delete markers of now are forgotten. */
  purge(): Promise<void>;
  /** Removed and made anew, empty; revisions begin at 1. */
  recreate(): Promise<void>;
  /** Puts back, later, what is there now: revisions after it are used again. */
  backup(): Promise<() => Promise<void>>;
  /** Every connection breaks, and nobody is let in until `reconnect`. */
  disconnect(): Promise<void>;
  reconnect(): Promise<void>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  history?: number;
}

export type MakeHarness = (options?: HarnessOptions) => Promise<StoreHarness>;
