import type { Measurement } from './bench.ts';

/** Weir against baselines. */
export interface Race {
  name: string;
  /** What is done, with sizes. */
  work: string;
  /** How many of `unit` a run moves. */
  amount: number;
  unit: 'rows' | 'changes';
  /** The first one is what the goal is about. */
  baselines: [Baseline, ...Baseline[]];
  /** Weir's spans; the first one is held against the goal. */
  spans: [Span, ...Span[]];
  /** Null where none is stated. */
  goal: number | null;
  runWeir: (signal: AbortSignal) => Promise<Measurement>;
}

/** The control is the first baseline again: how far it is from itself says what a difference means. */
export interface RaceRounds {
  baseline: Measurement[];
  weir: Measurement[];
  control: Measurement[];
  /** Of the further baselines, by their names. */
  others: Record<string, Measurement[]>;
}

/** One span of Weir's time; the baseline knows only its whole. */
export interface Span {
  key: string;
  meaning: string;
}

/** Somebody else doing the same work on the same data; its time is the span `whole`. */
export interface Baseline {
  name: string;
  /** A run: made ready, measured, checked for equality, cleaned up. */
  run: (signal: AbortSignal) => Promise<Measurement>;
  /** Why it cannot run on this machine. */
  missing?: string | undefined;
}
