import { fromPosition, type Position, toPosition } from '../../../shared/change/position.ts';
import type { RandomSettings } from './settings.ts';

/** Where a copy begins and the log, too: behind nothing, before the first transaction. */
export const LOG_START = toPosition(1n, 0n);

/**
 * How far the log has come: transactions are numbered from 1, and the change in place n of transaction t is at
 * (t, n). It grows by the clock from when the pipeline was made, whether somebody reads it or not.
 */
export class ChangeLog {
  readonly #settings: RandomSettings;
  readonly #madeAtMs: number;

  constructor(settings: RandomSettings, madeAtMs: number) {
    this.#settings = settings;
    this.#madeAtMs = madeAtMs;
  }

  /** The number of the last transaction there is by then; 0 where there is none yet. */
  lastTransaction(nowMs: number): number {
    const { rate, changes, transaction } = this.#settings;
    if (rate === Infinity) return changes / transaction;
    const written = Math.floor((Math.max(0, nowMs - this.#madeAtMs) * rate) / 1_000);
    return Math.floor(Math.min(written, changes) / transaction);
  }

  /** When it was committed. */
  timeMs(transaction: number): number {
    const { rate } = this.#settings;
    if (rate === Infinity) return this.#madeAtMs;
    return this.#madeAtMs + (transaction * this.#settings.transaction * 1_000) / rate;
  }

  /** The numbers of the first and the last change of a transaction, among those of all namespaces. */
  changesOf(transaction: number): { first: number; last: number } {
    const { transaction: length } = this.#settings;
    return { first: (transaction - 1) * length + 1, last: transaction * length };
  }
}

/** Behind a transaction and before the next. */
export function positionAfter(transaction: number): Position {
  return toPosition(BigInt(transaction) + 1n, 0n);
}

export function transactionAt(position: Position): number {
  return Number(fromPosition(position).high);
}
