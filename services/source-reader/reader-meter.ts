import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { LaneKind } from '../../shared/hub/names.ts';
import { addChanges, noChanges } from '../../shared/progress/change-kinds.ts';
import type { SentTotals } from '../../shared/hub/lane-publisher.ts';

/** What one epoch of the reader has done so far. */
export interface ReaderTotals {
  changes: ChangeCounts;
  transactions: number;
  /** Time in which nothing was read because there was no room. */
  waitedMs: number;
  sent: Record<LaneKind, SentTotals>;
}

export interface MeteredEpoch {
  readonly totals: ReaderTotals;
  readonly largestTransaction: number;
  /** When anything came from the source last, or the epoch began. */
  readonly heardAtMs: number;
}

/** What this process has done over all epochs of its reader. */
export class ReaderMeter {
  epochs = 0;
  #ended: ReaderTotals = noTotals();
  #largest = 0;
  #epoch: MeteredEpoch | null = null;

  begin(epoch: MeteredEpoch): void {
    this.epochs++;
    this.#epoch = epoch;
  }

  end(): void {
    this.#ended = this.totals();
    this.#largest = this.largestTransaction();
    this.#epoch = null;
  }

  totals(): ReaderTotals {
    return this.#epoch === null ? this.#ended : sumOf(this.#ended, this.#epoch.totals);
  }

  largestTransaction(): number {
    return Math.max(this.#largest, this.#epoch?.largestTransaction ?? 0);
  }

  /** Null while no changes are read. */
  silenceMs(nowMs = Date.now()): number | null {
    return this.#epoch === null ? null : Math.max(0, nowMs - this.#epoch.heardAtMs);
  }
}

function noTotals(): ReaderTotals {
  return {
    changes: noChanges(),
    transactions: 0,
    waitedMs: 0,
    sent: { lane: noneSent(), chunk: noneSent() },
  };
}

function noneSent(): SentTotals {
  return { frames: 0, bytes: 0, refused: 0 };
}

function sumOf(a: ReaderTotals, b: ReaderTotals): ReaderTotals {
  const changes = noChanges();
  addChanges(changes, a.changes);
  addChanges(changes, b.changes);
  return {
    changes,
    transactions: a.transactions + b.transactions,
    waitedMs: a.waitedMs + b.waitedMs,
    sent: { lane: addSent(a.sent.lane, b.sent.lane), chunk: addSent(a.sent.chunk, b.sent.chunk) },
  };
}

export function addSent(a: SentTotals, b: SentTotals): SentTotals {
  return { frames: a.frames + b.frames, bytes: a.bytes + b.bytes, refused: a.refused + b.refused };
}
