import type { Relation } from '../../../../../shared/change/relation.ts';
import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import type { OrderedBatch, OrderedWriter } from '../../../../../shared/connector/sink.ts';
import type { Barrier } from '../../../../../shared/change/barrier.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { fencedLane } from '../../../../../shared/state/lane-steps.ts';
import { runStatements } from '../apply/apply-changes.ts';
import { progressStatement } from '../state/lane-progress.ts';
import { applyOneByOne, applyParts, prepareParts, type RefusedChange } from './ordered-apply.ts';
import { mergeRuns } from './ordered-merge.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import type { RelationCache } from '../target/relation-cache.ts';
import { alignNamespace, barrierStatements } from '../barrier/run-barrier.ts';
import { describeKey } from '../target/row-key.ts';
import { toParts, type TargetOf } from './run-parts.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { countUnmet, unmetStep } from '../apply/unmet-changes.ts';
import type { WriteTarget } from '../target/write-target.ts';
import {
  bypassTriggers,
  enforceConstraints,
  NOT_ENFORCED,
  type WriterSession,
} from '../session/writer-session.ts';

export interface OrderedWriterOptions {
  target: PlanTarget;
  relations: RelationCache;
  log: ConnectorLog;
  open: () => Promise<WriterSession>;
}

/**
 * Writes a lane in the order of the source, on a connection of its own, on which a transaction may stay open from batch
 * to batch. From the instant on from which all rows are of one instant, constraints are enforced: many rows at once
 * where that holds, and where it does not, one by one in exactly the source's order, with what can be put off to the end
 * of the transaction put off. What is refused then is refused for good.
 */
export class PostgresOrderedWriter implements OrderedWriter {
  readonly #options: OrderedWriterOptions;
  #session: WriterSession | null = null;
  #inTransaction = false;
  /** Constraints that can be are put off to the end of the open transaction. */
  #deferred = false;
  /** Whether constraints are enforced, and the reader by whose plan that is so. */
  #enforced: { readerEpoch: number } | null = null;

  constructor(options: OrderedWriterOptions) {
    this.#options = options;
  }

  async write(batch: OrderedBatch): Promise<void> {
    const { relations } = this.#options;
    try {
      this.#session ??= await this.#options.open();
      await this.#write(this.#session, batch);
    } catch (error) {
      // Whatever is wrong may be mended at the target: look again next time.
      for (const { relation } of batch.runs) relations.forget(relation.namespace);
      await this.close();
      throw toPostgresError(error, 'writing changes to the target');
    }
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#inTransaction = false;
    this.#enforced = null;
    await session?.close();
  }

  async #write(session: WriterSession, batch: OrderedBatch): Promise<void> {
    const { pipeline } = this.#options.target;
    const script = [{ sql: progressStatement(pipeline, batch) }];
    if (!this.#inTransaction) {
      await this.#enforce(session, batch);
      script.unshift({ sql: 'BEGIN' });
      this.#deferred = false;
    }
    const moves = script.length - 1;
    this.#inTransaction = true;
    await runStatements(session, script, (index, rows) => {
      if (index === moves && rows === 0) throw fencedLane(batch);
    });
    if (batch.barrier !== null) await this.#carryOut(session, batch.barrier);
    else if (this.#enforced !== null) await this.#apply(session, batch);
    else await mergeRuns(session, batch.runs, this.#targets(session));
    if (!batch.commit) return;
    await runStatements(session, [{ sql: 'COMMIT' }]);
    this.#inTransaction = false;
  }

  /** Once all rows are of one instant they stay so, until a plan brings more namespaces. */
  async #enforce(session: WriterSession, { before, after }: OrderedBatch): Promise<void> {
    if (this.#enforced?.readerEpoch === after.readerEpoch) return;
    const { rows } = await session.client.query<{ open: string }>(
      'SELECT count(*) AS open FROM weir.namespace WHERE pipeline = $1 AND NOT (ready AND settled <= $2)',
      [this.#options.target.pipeline, before.position],
    );
    const wasEnforced = this.#enforced !== null;
    this.#enforced = Number(rows[0]?.open) === 0 ? { readerEpoch: after.readerEpoch } : null;
    if (this.#enforced === null) await bypassTriggers(session.client);
    else if (!(await enforceConstraints(session.client)))
      throw new WeirError('TARGET_UNFIT', NOT_ENFORCED);
    if (this.#enforced !== null && !wasEnforced)
      this.#options.log.info(
        { position: before.position },
        'transactions are applied whole and with constraints enforced from here on',
      );
  }

  async #apply(session: WriterSession, batch: OrderedBatch): Promise<void> {
    const { runs, after } = batch;
    if (runs.length === 0) return;
    const parts = await toParts(runs, this.#targets(session));
    await prepareParts(session, parts);
    await session.client.query('SAVEPOINT weir_batch');
    const step = unmetStep(this.#options.target.pipeline, batch);
    try {
      await applyParts(session, parts, step);
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'ROW_REFUSED') throw error;
      const { message: reason } = error;
      this.#options.log.debug({ reason }, 'changes are applied one by one');
      await session.client.query('ROLLBACK TO SAVEPOINT weir_batch; SET CONSTRAINTS ALL DEFERRED');
      this.#deferred = true;
      const unmet = { updates: new Map<string, number>(), deletes: new Map<string, number>() };
      const refused = await applyOneByOne(session, parts, step, (namespace, kind) =>
        unmet[kind].set(namespace, (unmet[kind].get(namespace) ?? 0) + 1),
      );
      if (refused !== null) throw await this.#told(session, refused, after.position);
      for (const kind of ['updates', 'deletes'] as const)
        for (const [namespace, n] of unmet[kind])
          await session.client.query(countUnmet(namespace, step, kind, n));
    }
    await session.client.query('RELEASE SAVEPOINT weir_batch');
  }

  /** With the key, by which a person finds the row. */
  async #told(
    session: WriterSession,
    { error, target, key }: RefusedChange,
    position: string,
  ): Promise<WeirError> {
    await session.client.query('ROLLBACK');
    const which =
      key === null ? '' : ` The row: ${await describeKey(session.client, target, key)}.`;
    const hint =
      error.details['sqlState'] === '23503'
        ? ' A foreign key that is checked at once may need to be put off: ALTER TABLE … ALTER CONSTRAINT … DEFERRABLE.'
        : '';
    return new WeirError('ROW_REFUSED', `${error.message}${which}${hint}`, {
      cause: error.cause,
      details: { ...error.details, position },
    });
  }

  async #carryOut(session: WriterSession, barrier: Barrier): Promise<void> {
    const { target, relations } = this.#options;
    // Neither an emptied nor a changed table may have checks of its rows waiting for the end.
    if (this.#deferred) await session.client.query('SET CONSTRAINTS ALL IMMEDIATE');
    const statements = await barrierStatements(session, target, relations, barrier);
    await runStatements(session, statements);
    if (barrier.kind === 'relation') {
      await alignNamespace(session, target, barrier);
      relations.forget(barrier.after.relation.namespace);
    }
    if (this.#deferred) await session.client.query('SET CONSTRAINTS ALL DEFERRED');
  }

  /** Each relation of a batch is looked up once: its runs are many. */
  #targets(session: WriterSession): TargetOf {
    const found = new Map<Relation, WriteTarget>();
    return async ({ relation }) => {
      let target = found.get(relation);
      if (target === undefined) {
        target = await this.#options.relations.targetOf(session.client, relation);
        found.set(relation, target);
      }
      return target;
    };
  }
}
