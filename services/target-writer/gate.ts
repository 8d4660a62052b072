import { FIRST_POSITION, type Position } from '../../shared/change/position.ts';
import type { Sink } from '../../shared/connector/sink.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';

/** How often to look: while somebody waits for a namespace, and otherwise. */
const WAITING_MS = 250;
const RESTING_MS = 10_000;

/**
 * Holds the changes of a namespace that are later than its copy back until the copy is in the target and finished.
 * One loop does the finishing
 * (indexes may take long), so no lane is kept from its work by the namespaces of others.
 */
export class Gate {
  readonly #sink: Pick<Sink, 'finishNamespaces' | 'readLimits'>;
  #limits: ReadonlyMap<string, Position> = new Map();
  /** Whose plan the limits are of, at least. */
  #readerEpoch = 0;
  #hurry = new AbortController();
  #waiting = 0;

  constructor(sink: Pick<Sink, 'finishNamespaces' | 'readLimits'>) {
    this.#sink = sink;
  }

  /** Finishes what can be finished, again and again, until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#hurry = new AbortController();
      const of = this.#readerEpoch;
      const limits = await this.#sink.finishNamespaces();
      // Begun under an earlier plan, it may say what was true of that one.
      if (of !== this.#readerEpoch) continue;
      this.#limits = limits;
      const restMs = this.#waiting > 0 ? WAITING_MS : RESTING_MS;
      await pause(restMs, AbortSignal.any([signal, this.#hurry.signal]));
    }
  }

  get readerEpoch(): number {
    return this.#readerEpoch;
  }

  /** A new reader follows a new plan, even that of a pipeline that was reset: what was known says nothing of it. */
  async follow(readerEpoch: number): Promise<void> {
    const limits = await this.#sink.readLimits();
    if (readerEpoch <= this.#readerEpoch) return;
    this.#readerEpoch = readerEpoch;
    this.#limits = limits;
  }

  /** Lanes that wait for a namespace to be ready. */
  get waiting(): number {
    return this.#waiting;
  }

  /** There may be something to finish now. */
  nudge(): void {
    this.#hurry.abort();
  }

  /** Whether changes of these namespaces up to `last` may be applied. */
  isOpen(namespaces: readonly string[], last: Position): boolean {
    return namespaces.every((namespace) => last <= (this.#limits.get(namespace) ?? FIRST_POSITION));
  }

  /** Returns when it is open, or when aborted. */
  async wait(namespaces: readonly string[], last: Position, signal: AbortSignal): Promise<void> {
    this.#waiting++;
    this.nudge();
    while (!signal.aborted && !this.isOpen(namespaces, last)) await pause(WAITING_MS, signal);
    this.#waiting--;
  }
}
