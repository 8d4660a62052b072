import type { Sink } from '../../shared/connector/sink.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';

const POLL_MS = 500;

/** Holds the changes of a namespace back until its copy is in the target and finished. */
export class Gate {
  readonly #sink: Pick<Sink, 'finishNamespaces'>;
  #ready: ReadonlySet<string> = new Set();
  #refreshing: Promise<void> | undefined;

  constructor(sink: Pick<Sink, 'finishNamespaces'>) {
    this.#sink = sink;
  }

  get ready(): ReadonlySet<string> {
    return this.#ready;
  }

  isOpen(namespaces: readonly string[]): boolean {
    return namespaces.every((namespace) => this.#ready.has(namespace));
  }

  async wait(namespaces: readonly string[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isOpen(namespaces)) {
      await this.refresh();
      if (!this.isOpen(namespaces)) await pause(POLL_MS, signal);
    }
  }

  /** Finishes what can be finished and looks what is ready; callers at the same time share one look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#sink
      .finishNamespaces()
      .then((ready) => {
        this.#ready = ready;
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }
}
