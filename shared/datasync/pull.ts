import { DatasyncError, reasonOf } from './datasync-error.ts';
import type { ChangeEvent, ResyncEvent } from './watch-event.ts';

type GivenEvent<T> =
  ({ readonly kind: 'resync' } & ResyncEvent<T>) | ({ readonly kind: 'change' } & ChangeEvent<T>);

/** An event of a loop of one's own. `done` answers it, once; what is said later counts for nothing. */
export type PulledEvent<T> = GivenEvent<T> & { done(error?: unknown): void };

/** Turns calls of handlers into events that are taken one by one. */
export class PullQueue<T> {
  #waiting: PulledEvent<T>[] = [];
  #wake = (): void => undefined;
  #closed = false;
  #isTaken = false;

  /** Settles when the event is answered; given up when the signal says so before it was taken. */
  give(event: GivenEvent<T>, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const pulled: PulledEvent<T> = {
        ...event,
        done: (error) => {
          if (error === undefined) resolve();
          else reject(error instanceof Error ? error : new Error(reasonOf(error)));
        },
      };
      this.#waiting.push(pulled);
      signal.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(pulled);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        resolve();
      });
      this.#wake();
    });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** One loop at a time; a new one goes on where the one before was left. */
  async *iterate(): AsyncGenerator<PulledEvent<T>, undefined> {
    if (this.#isTaken)
      throw new DatasyncError('INVALID', 'another loop pulls from this watch; end it first');
    this.#isTaken = true;
    try {
      for (;;) {
        const next = this.#waiting.shift();
        if (next !== undefined) {
          yield next;
          continue;
        }
        if (this.#closed) return undefined;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#isTaken = false;
    }
  }
}
