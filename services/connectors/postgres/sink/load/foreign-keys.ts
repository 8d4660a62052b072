import type pg from 'pg';
import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import { toForeignKeyStatement } from '../ddl/moved-definition.ts';
import { quoteIdent } from '../../connection/names.ts';
import { toPostgresError } from '../../connection/postgres-error.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import type { ConstraintDefinition, TableDefinition } from '../../catalog/table-definition.ts';
import { isValid } from '../ddl/table-ddl.ts';
import type { TargetName } from '../target/target-names.ts';

const LOCK_TIMEOUT = '3s';
const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 60_000;
/** Tries so far apart mean that it is more than lanes that are moments apart. */
const WARN_PAUSE_MS = 16_000;

/**
 * Adds the foreign keys once all tables are in. While changes flow, lanes are moments apart and a row may be there
 * before the row it points to: so a key is added without looking, and validated when it holds; what does not hold
 * yet is tried again later, less and less often, since each try reads the table.
 */
export class ForeignKeys {
  readonly #target: PlanTarget;
  readonly #log: ConnectorLog;
  #pauseMs = FIRST_PAUSE_MS;
  #notBefore = 0;

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#log = log;
  }

  /** Whether another try is due. */
  isDue(now: number): boolean {
    return now >= this.#notBefore;
  }

  async add(client: pg.Client, now: number): Promise<void> {
    const { pipeline } = this.#target;
    const lock = `hashtextextended('weir foreign keys of ' || $1, 0)`;
    const { rows } = await client.query<{ mine: boolean }>(
      `SELECT pg_try_advisory_lock(${lock}) AS mine`,
      [pipeline],
    );
    if (rows[0]?.mine !== true) return;
    try {
      await client.query(`SET lock_timeout = '${LOCK_TIMEOUT}'`);
      const open = await client.query<{ namespace: string; definition: TableDefinition }>(
        'SELECT namespace, definition FROM weir.namespace WHERE pipeline = $1 AND NOT linked ORDER BY 1',
        [pipeline],
      );
      let waiting = false;
      for (const { namespace, definition } of open.rows) {
        if (await this.#link(client, namespace, definition))
          await client.query(
            'UPDATE weir.namespace SET linked = true WHERE pipeline = $1 AND namespace = $2',
            [pipeline, namespace],
          );
        else waiting = true;
      }
      this.#pauseMs = waiting ? Math.min(this.#pauseMs * 2, MAX_PAUSE_MS) : FIRST_PAUSE_MS;
      this.#notBefore = now + this.#pauseMs;
    } finally {
      await client.query(`SELECT pg_advisory_unlock(${lock})`, [pipeline]);
    }
  }

  async #link(client: pg.Client, namespace: string, definition: TableDefinition): Promise<boolean> {
    const name = this.#target.names.ofNamespace(namespace);
    let linked = true;
    for (const constraint of definition.constraints) {
      if (constraint.kind !== 'foreign' || constraint.references === null) continue;
      const references = this.#target.names.ofNamespace(constraint.references);
      try {
        await this.#addOne(client, constraint, name, references, definition.partitionBy !== null);
      } catch (error) {
        linked = this.#isForGood(error, constraint, name) && linked;
      }
    }
    return linked;
  }

  async #addOne(
    client: pg.Client,
    constraint: ConstraintDefinition,
    name: TargetName,
    references: TargetName,
    partitioned: boolean,
  ): Promise<void> {
    const { rows } = await client.query<{ target: string | null; validated: boolean | null }>(
      `SELECT to_regclass($1)::text AS target, (SELECT convalidated FROM pg_constraint
         WHERE conrelid = to_regclass($2) AND conname = $3 AND contype = 'f') AS validated`,
      [references.sql, name.sql, constraint.name],
    );
    const found = rows[0]!;
    const quoted = quoteIdent(constraint.name);
    if (found.target === null)
      return this.#log.warn(
        {
          namespace: name.namespace,
          constraint: constraint.name,
          references: references.namespace,
        },
        'foreign key left out: the table it points to is not at the target',
      );
    // Before 18 a partitioned table takes no key that is not validated at once.
    if (found.validated === null)
      await client.query(
        toForeignKeyStatement(constraint, name, references, {
          validate: partitioned,
          deferrable: this.#target.order === 'transaction',
        }),
      );
    if (found.validated !== true && !partitioned && isValid(constraint.definition))
      await client.query(`ALTER TABLE ${name.sql} VALIDATE CONSTRAINT ${quoted}`);
  }

  /** False if it is worth another try. */
  #isForGood(error: unknown, constraint: ConstraintDefinition, name: TargetName): boolean {
    const found = toPostgresError(error, `adding a foreign key to ${name.namespace} at the target`);
    if (found.details.sqlState === undefined) throw found;
    const facts = { namespace: name.namespace, constraint: constraint.name, reason: found.message };
    if (found.retryable || found.details.sqlState === '23503') {
      if (this.#pauseMs < WARN_PAUSE_MS) this.#log.debug(facts, 'foreign key does not hold yet');
      else
        this.#log.warn(
          facts,
          'foreign key still does not hold; look for rows at the source that point to none, and correct them there',
        );
      return false;
    }
    this.#log.warn(facts, 'foreign key left out');
    return true;
  }
}
