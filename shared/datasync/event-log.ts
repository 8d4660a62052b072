import type { ResyncOutcome, WatchPhase } from './watch-event.ts';

/** For logs and health; nothing depends on anybody listening. */
export type DatasyncEvent =
  | { kind: 'phase'; name: string; phase: WatchPhase }
  | { kind: 'resync'; name: string; outcome: ResyncOutcome }
  | { kind: 'failed'; name: string; key: string; error: string; attempts: number }
  | { kind: 'repaired'; name: string; key: string }
  | { kind: 'stuck'; name: string; keys: readonly string[] }
  | { kind: 'trouble'; name: string; error: string }
  /** A listener was so slow that this many were left out for it. */
  | { kind: 'left-out'; count: number };

/** Of each listener. */
const MOST_WAITING = 1_000;

interface Listener {
  waiting: DatasyncEvent[];
  leftOut: number;
  wake: () => void;
}

export class EventLog {
  readonly #listeners = new Set<Listener>();
  #closed = false;

  emit(event: DatasyncEvent): void {
    for (const listener of this.#listeners) {
      if (listener.waiting.length >= MOST_WAITING) listener.leftOut++;
      else listener.waiting.push(event);
      listener.wake();
    }
  }

  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.wake();
  }

  /** From now on, until closed or the loop is left. */
  listen(): AsyncIterableIterator<DatasyncEvent> {
    const listener: Listener = { waiting: [], leftOut: 0, wake: () => undefined };
    this.#listeners.add(listener);
    return this.#follow(listener);
  }

  async *#follow(listener: Listener): AsyncGenerator<DatasyncEvent, undefined> {
    try {
      for (;;) {
        while (listener.waiting.length > 0) yield listener.waiting.shift()!;
        if (listener.leftOut > 0) {
          const count = listener.leftOut;
          listener.leftOut = 0;
          yield { kind: 'left-out', count };
        }
        if (this.#closed) return undefined;
        if (listener.waiting.length === 0)
          await new Promise<void>((resolve) => (listener.wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}
