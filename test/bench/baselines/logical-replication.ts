import type { Measurement } from '../bench.ts';
import { waitForChanges } from '../change-load.ts';
import { EVENTS } from '../events-table.ts';
import { ResourceMeter, type MeteredServers } from '../measure/resource-meter.ts';
import { runSql, withClient } from '../sql.ts';

const NAME = 'bench';

/** PostgreSQL's own logical replication between two equal tables, with its default options and without the initial copy. */
export class LogicalReplication {
  readonly #sourceUrl: string;
  readonly #targetUrl: string;
  readonly #signal: AbortSignal;

  constructor(sourceUrl: string, targetUrl: string, signal: AbortSignal) {
    this.#sourceUrl = sourceUrl;
    this.#targetUrl = targetUrl;
    this.#signal = signal;
  }

  /** Makes slot and subscription, which waits until it is enabled. */
  async prepare(): Promise<void> {
    await withClient(this.#sourceUrl, this.#signal, async (query) => {
      await query(`CREATE PUBLICATION ${NAME} FOR TABLE ${EVENTS}`);
      await query(`SELECT pg_create_logical_replication_slot('${NAME}', 'pgoutput')`);
    });
    await runSql(
      this.#targetUrl,
      `CREATE SUBSCRIPTION ${NAME} CONNECTION '${this.#sourceUrl}' PUBLICATION ${NAME}
         WITH (copy_data = false, enabled = false, create_slot = false, slot_name = '${NAME}')`,
      this.#signal,
    );
  }

  /** From enabling the subscription to the last change at the target. */
  async catchUp(servers: MeteredServers): Promise<Measurement> {
    const meter = new ResourceMeter(servers, undefined, () => '');
    try {
      const startedAtMs = Date.now();
      await runSql(this.#targetUrl, `ALTER SUBSCRIPTION ${NAME} ENABLE`, this.#signal);
      const doneAtMs = await waitForChanges(this.#targetUrl, this.#signal);
      return { spans: { whole: doneAtMs - startedAtMs }, usage: meter.stop() };
    } finally {
      meter.stop();
    }
  }

  /** Removes slot and subscription, without which their databases cannot be dropped. */
  async remove(): Promise<void> {
    await withClient(this.#targetUrl, this.#signal, async (query) => {
      await query(`ALTER SUBSCRIPTION ${NAME} DISABLE`);
      await query(`DROP SUBSCRIPTION ${NAME}`);
    });
  }
}
