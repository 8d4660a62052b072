import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from '../bench.ts';
import type { DataSet } from '../data/data-set.ts';
import { waitForMarkers } from '../loads/change-load.ts';
import { ResourceMeter, type MeteredServers } from '../measure/resource-meter.ts';
import { runSql, withClient } from '../sql.ts';

const NAME = 'bench';
const POLL_MS = 20;

/** PostgreSQL's own logical replication between two equal sets of tables, with its default options. */
export class LogicalReplication {
  readonly #sourceUrl: string;
  readonly #targetUrl: string;
  readonly #signal: AbortSignal;

  constructor(sourceUrl: string, targetUrl: string, signal: AbortSignal) {
    this.#sourceUrl = sourceUrl;
    this.#targetUrl = targetUrl;
    this.#signal = signal;
  }

  /** Makes the slot, which keeps what is changed from now on. */
  async keepChanges(data: DataSet): Promise<void> {
    await this.#publish(data);
    await runSql(
      this.#sourceUrl,
      `SELECT pg_create_logical_replication_slot('${NAME}', 'pgoutput')`,
      this.#signal,
    );
  }

  /** From making the subscription to the last change at the target. */
  catchUp(servers: MeteredServers): Promise<Measurement> {
    return this.#measured(servers, async () => {
      await this.follow();
      return waitForMarkers(this.#targetUrl, this.#signal);
    });
  }

  /** Applies what the slot has kept, and whatever comes; the rows that were there before are left out. */
  async follow(): Promise<void> {
    await this.#subscribe(`copy_data = false, create_slot = false, slot_name = '${NAME}'`);
  }

  /** From making the subscription to the end of its initial copy, by as many workers as Weir has readers. */
  async copy(data: DataSet, servers: MeteredServers): Promise<Measurement> {
    await this.#publish(data);
    return this.#measured(servers, async () => {
      await this.#subscribe('copy_data = true');
      return this.#waitForCopy();
    });
  }

  /** Removes slot and subscription, without which their databases cannot be dropped. */
  async remove(): Promise<void> {
    await runSql(this.#targetUrl, `DROP SUBSCRIPTION ${NAME}`, this.#signal);
    await runSql(this.#sourceUrl, `DROP PUBLICATION ${NAME}`, this.#signal);
  }

  async #publish({ tables }: DataSet): Promise<void> {
    const names = tables.map(({ name }) => name).join(', ');
    await runSql(this.#sourceUrl, `CREATE PUBLICATION ${NAME} FOR TABLE ${names}`, this.#signal);
  }

  async #subscribe(options: string): Promise<void> {
    await runSql(
      this.#targetUrl,
      `CREATE SUBSCRIPTION ${NAME} CONNECTION '${this.#sourceUrl}' PUBLICATION ${NAME} WITH (${options})`,
      this.#signal,
    );
  }

  /** Until every table has reached the state "r", ready, of the catalogue pg_subscription_rel. */
  async #waitForCopy(): Promise<number> {
    return withClient(this.#targetUrl, this.#signal, async (query) => {
      for (;;) {
        const left = await query(`SELECT 1 FROM pg_subscription_rel WHERE srsubstate <> 'r'`);
        if (left.length === 0) return Date.now();
        await sleep(POLL_MS, undefined, { signal: this.#signal });
      }
    });
  }

  async #measured(servers: MeteredServers, work: () => Promise<number>): Promise<Measurement> {
    const meter = new ResourceMeter(servers, undefined, () => '');
    try {
      const startedAtMs = Date.now();
      const doneAtMs = await work();
      return { spans: { whole: doneAtMs - startedAtMs }, usage: meter.stop() };
    } finally {
      meter.stop();
    }
  }
}
