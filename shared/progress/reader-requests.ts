import type { Position } from '../change/position.ts';
import type { ChangeCounts } from '../change/change-counts.ts';

/** What is asked of the reader; of several, one that stands by may be asked and says UNREACHABLE. */
export type ReaderRequest =
  /** How far the source is now, and how far behind it `reached` is. → `ReaderMark` */
  | { op: 'mark'; reached?: Position }
  /** Hands what travels beside the log to the target now. → null */
  | { op: 'sideState' }
  /** Removes everything from the source, for a pipeline that is to be idle, else ALREADY_RUNNING. → null */
  | { op: 'reset' };

export interface ReaderMark {
  /** Everything committed at the source so far stands before it; null while the copy is not in. */
  head: Position | null;
  /** Changes read since the pipeline was made, all of them before `head`. */
  read: Record<string, ChangeCounts>;
  readerEpoch: number;
  /** From `reached` to the head, in bytes of the source's log; null where that cannot be told. */
  bytesBehind: number | null;
}

export interface ReaderAnswers {
  mark: ReaderMark;
  sideState: null;
  reset: null;
}
