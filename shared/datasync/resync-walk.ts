import { DatasyncError } from './datasync-error.ts';
import type { ResyncCause } from './transport.ts';
import type { ResyncOutcome } from './watch-event.ts';

export interface ResyncRequest {
  /** Names of watches; left out: all. */
  only?: readonly string[];
  /** `manual` when left out. */
  cause?: ResyncCause;
}

/** Of one walk over the watches, in their order. */
export interface ResyncReport {
  readonly ms: number;
  readonly consumers: readonly ResyncOutcome[];
}

interface Walker {
  readonly name: string;
  readonly state: string;
  resyncNow(cause: ResyncCause): Promise<ResyncOutcome>;
}

interface NextWalk {
  next: { only: Set<string> | undefined; cause: ResyncCause };
  report: Promise<ResyncReport>;
}

/**
 * One walk at a time. All its watches close their gates at once, then each RESYNC waits for those before it, as it
 * does at a start; so no watch sees a change while one before it is still being told everything.
 */
export class ResyncWalks {
  readonly #watches: () => readonly Walker[];
  #running: Promise<unknown> | undefined;
  #next: NextWalk | undefined;

  constructor(watches: () => readonly Walker[]) {
    this.#watches = watches;
  }

  async resync({ only, cause = 'manual' }: ResyncRequest): Promise<ResyncReport> {
    for (const name of only ?? [])
      if (!this.#open().some((watch) => watch.name === name))
        throw new DatasyncError('NOT_FOUND', `there is no watch "${name}" to resync`);
    if (this.#running === undefined) return this.#begin(only && new Set(only), cause);
    if (this.#next === undefined) {
      const next = { only: only && new Set(only), cause };
      const report = this.#running.then(() => {
        this.#next = undefined;
        return this.#begin(next.only, next.cause);
      });
      this.#next = { next, report };
    } else if (only === undefined) this.#next.next.only = undefined;
    else for (const name of only) this.#next.next.only?.add(name);
    return this.#next.report;
  }

  #open(): Walker[] {
    return this.#watches().filter(({ state }) => state !== 'closed');
  }

  #begin(only: Set<string> | undefined, cause: ResyncCause): Promise<ResyncReport> {
    const report = this.#walk(only, cause);
    const ended: Promise<unknown> = report.then(
      () => this.#end(ended),
      () => this.#end(ended),
    );
    this.#running = ended;
    return report;
  }

  #end(walk: Promise<unknown>): void {
    if (this.#running === walk) this.#running = undefined;
  }

  async #walk(only: Set<string> | undefined, cause: ResyncCause): Promise<ResyncReport> {
    const startedAt = Date.now();
    const chosen = this.#open().filter(({ name }) => only === undefined || only.has(name));
    const consumers = await Promise.all(chosen.map((watch) => watch.resyncNow(cause)));
    return { ms: Date.now() - startedAt, consumers };
  }
}
