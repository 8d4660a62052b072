import { startWorkload, type Workload } from '../../infra/demo/workload.ts';
import { retryOutages } from './outage.ts';

/** The workload of the shop, begun again when its server has died; each life continues behind the keys of the last. */
export class SteadyShop {
  changes = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #current: Workload | undefined;

  constructor(url: string, ratePerSecond: number, seed: number) {
    this.#done = retryOutages(this.#stop.signal, async () => {
      const workload = await startWorkload(url, {
        ratePerSecond,
        seed,
        largeTransaction: { rows: 5_000, afterMs: 3_000 },
      });
      this.#current = workload;
      if (this.#stop.signal.aborted) void workload.stop().catch(() => undefined);
      try {
        await workload.done;
      } finally {
        this.changes += workload.counts.changes;
        this.#current = undefined;
      }
    });
    this.#done.catch(() => this.#stop.abort());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    // Its failure is the one that `done` tells.
    await this.#current?.stop().catch(() => undefined);
    await this.#done;
  }
}
