import type pg from 'pg';
import type { Position } from '../../../../../shared/change/position.ts';
import type { ConnectorLog, EndOptions } from '../../../../../shared/connector/end-options.ts';
import type { Standing } from '../../../../../shared/state/state-store.ts';
import { limitsOf } from '../../../../../shared/state/stored-pipeline.ts';
import { connect, disconnect } from '../../connection/connection.ts';
import { finishNamespace } from './finish-namespace.ts';
import { ForeignKeys } from './foreign-keys.ts';
import { PostgresState } from '../state/postgres-state.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { bypassTriggers, maySet } from '../session/writer-session.ts';

export type BorrowClient = <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;

/**
 * Finishes what has been copied, on a connection of its own that it has only while there is something to do, because
 * building indexes takes as long as it takes. Asked again and again, it costs one query.
 */
export class NamespaceFinisher {
  readonly #url: string;
  readonly #log: ConnectorLog;
  readonly #target: PlanTarget;
  readonly #foreignKeys: ForeignKeys;
  #running: Promise<ReadonlyMap<string, Position>> | null = null;
  #client: pg.Client | null = null;

  constructor(options: EndOptions, target: PlanTarget) {
    this.#url = options.url;
    this.#log = options.log;
    this.#target = target;
    this.#foreignKeys = new ForeignKeys(target, options.log);
  }

  /**
   * As `Sink.finishNamespaces`. Calls while one is running share its answer. `control` lends a connection for a short
   * question.
   */
  finish(control: BorrowClient): Promise<ReadonlyMap<string, Position>> {
    this.#running ??= this.#finish(control).finally(() => (this.#running = null));
    return this.#running;
  }

  /** As `Sink.readLimits`. */
  async limits(control: BorrowClient): Promise<ReadonlyMap<string, Position>> {
    return limitsOf(await control((client) => this.#standings(client)));
  }

  async close(): Promise<void> {
    await disconnect(this.#client);
  }

  async #finish(control: BorrowClient): Promise<ReadonlyMap<string, Position>> {
    const found = await control((client) => this.#standings(client));
    const done = found.filter(({ ready, pending }) => !ready && !pending);
    const links =
      this.#target.create === 'missing' &&
      found.every(({ pending }) => !pending) &&
      found.some(({ linked }) => !linked) &&
      this.#foreignKeys.isDue(Date.now());
    if (done.length === 0 && !links) return limitsOf(found);
    const client = await connect(this.#url, { applicationName: `weir ${this.#target.pipeline}` });
    this.#client = client;
    try {
      // While it stands still in the middle, nobody else may finish the namespace.
      await client.query(`SET idle_in_transaction_session_timeout = '60s'`);
      for (const { namespace } of done)
        for (const { name, made, taken } of await finishNamespace(client, this.#target, namespace))
          if (taken)
            this.#log.warn({ namespace, index: name, made }, 'index has another name at the target, where its own is taken'); // prettier-ignore
      const now = await this.#standings(client);
      const linking = links && now.every(({ ready }) => ready);
      if (linking && (await this.#mayLink(client))) await this.#foreignKeys.add(client, Date.now());
      return limitsOf(now);
    } finally {
      await disconnect(client);
    }
  }

  async #standings(client: pg.Client): Promise<Standing[]> {
    return (await new PostgresState(client, this.#target.pipeline).read('standings')).standings;
  }

  /** Foreign keys would fire while changes are applied, were this role not allowed to prevent it. */
  async #mayLink(client: pg.Client): Promise<boolean> {
    // Whole transactions keep what foreign keys ask for.
    if (this.#target.order === 'transaction') return true;
    if (await maySet(client, bypassTriggers)) return true;
    this.#log.warn({}, 'foreign keys left out: the role may not set session_replication_role');
    await client.query('UPDATE weir.namespace SET linked = true WHERE pipeline = $1', [
      this.#target.pipeline,
    ]);
    return false;
  }
}
