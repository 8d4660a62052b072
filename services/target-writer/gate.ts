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
  readonly #sink: Pick<Sink, 'finishNamespaces'>;
  #limits: ReadonlyMap<string, Position> = new Map();
  #hurry = new AbortController();
  #waiting = 0;

  constructor(sink: Pick<Sink, 'finishNamespaces'>) {
    this.#sink = sink;
  }

  /** Finishes what can be finished, again and again, until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#hurry = new AbortController();
      this.#limits = await this.#sink.finishNamespaces();
      const restMs = this.#waiting > 0 ? WAITING_MS : RESTING_MS;
      await pause(restMs, AbortSignal.any([signal, this.#hurry.signal]));
    }
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
