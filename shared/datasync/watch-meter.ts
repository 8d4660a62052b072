import type { ResyncCause } from './transport.ts';
import type { ResyncOutcome } from './watch-event.ts';

/** Upper bounds in seconds. */
export const HANDLER_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30];

/** What a watch counts of itself. */
export class WatchMeter {
  changes = 0;
  failedAttempts = 0;
  readonly resyncs = new Map<ResyncCause, number>();
  resyncItems = 0;
  resyncRemoved = 0;
  failedResyncs = 0;
  handlerSeconds = 0;
  readonly handlerBuckets = HANDLER_BUCKETS.map(() => 0);
  handlerCalls = 0;

  answered(changes: number, seconds: number): void {
    this.changes += changes;
    this.handlerCalls++;
    this.handlerSeconds += seconds;
    HANDLER_BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) this.handlerBuckets[index]!++;
    });
  }

  attemptFailed(): void {
    this.failedAttempts++;
  }

  resync(cause: ResyncCause): void {
    this.resyncs.set(cause, (this.resyncs.get(cause) ?? 0) + 1);
  }

  resyncEnded({ outcome, items, removed }: ResyncOutcome): void {
    if (outcome === 'failed') this.failedResyncs++;
    this.resyncItems += items;
    this.resyncRemoved += removed;
  }
}
