import { type Position, readPosition } from '../../../../shared/change/position.ts';
import type { ChangeReceiver } from '../../../../shared/connector/source.ts';
import { PassedOn } from './passed-on.ts';

interface Passed {
  position: Position;
  atMs: number;
}

/** So many places are kept of the time that a position must have been given. */
const PLACES = 32;

/**
 * Gives changes on, and tells what may be forgotten: what was given longer ago than `afterMs`. While the peer takes
 * nothing more, it may not have stored what it took, and nothing is told.
 */
export class ConfirmedLater extends PassedOn {
  readonly #afterMs: number;
  readonly #confirm: (position: Position) => void;
  readonly #timer: NodeJS.Timeout;
  #passed: Passed[] = [];
  #isBlocked = false;

  constructor(receiver: ChangeReceiver, afterMs: number, confirm: (position: Position) => void) {
    super(receiver);
    this.#afterMs = afterMs;
    this.#confirm = confirm;
    this.#timer = setInterval(() => this.#look(), afterMs / PLACES);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  override ready(): Promise<void> | undefined {
    const room = super.ready();
    if (room === undefined) return undefined;
    this.#isBlocked = true;
    return room.finally(() => (this.#isBlocked = false));
  }

  /** The latest of each place. */
  protected passed(bytes: Buffer): void {
    const nowMs = performance.now();
    const position = readPosition(bytes, 0);
    const last = this.#passed.at(-1);
    if (last !== undefined && nowMs - last.atMs < this.#afterMs / PLACES) last.position = position;
    else this.#passed.push({ position, atMs: nowMs });
  }

  #look(): void {
    if (this.#isBlocked) return;
    // What was noted last in a place came later than its beginning.
    const dueMs = performance.now() - this.#afterMs - this.#afterMs / PLACES;
    const due = this.#passed.filter(({ atMs }) => atMs <= dueMs);
    const last = due.at(-1);
    if (last === undefined) return;
    this.#passed = this.#passed.slice(due.length);
    this.#confirm(last.position);
  }
}
