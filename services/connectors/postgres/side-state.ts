import type pg from 'pg';
import type { ConnectorLog } from '../../../shared/connector/connector.ts';
import { formatNamespace, qualifiedName, quoteLiteral } from './names.ts';
import { PartitionWriter } from './partition-writer.ts';
import type { PlanTarget } from './save-plan.ts';
import { maySequence } from './sequence-rights.ts';
import type { SequenceDefinition, SideState, TableDefinition } from './table-definition.ts';

/**
 * Carries over what is beside the log: sequences, which move forward only, and partitions that appeared. Cheap where
 * nothing has changed since the last time.
 */
export class SideStateWriter {
  readonly #target: PlanTarget;
  readonly #log: ConnectorLog;
  readonly #written = new Map<string, string>();
  readonly #partitions: PartitionWriter;

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#log = log;
    this.#partitions = new PartitionWriter(target, log);
  }

  get warnings(): readonly string[] {
    return this.#partitions.warnings;
  }

  async write(client: pg.Client, state: SideState): Promise<void> {
    const moved = state.sequences.filter(
      (each) => this.#written.get(formatNamespace(each.schema, each.name)) !== standing(each),
    );
    if (moved.length === 0 && !this.#partitions.isDue(state.partitions)) return;
    const { rows } = await client.query<{ definition: TableDefinition }>(
      'SELECT definition FROM weir.namespace WHERE pipeline = $1',
      [this.#target.pipeline],
    );
    const tables = rows.map((row) => row.definition);
    if (this.#partitions.isDue(state.partitions))
      await this.#partitions.write(client, tables, state.partitions);
    for (const sequence of moved) await this.#moveSequence(client, tables, sequence);
  }

  async #moveSequence(
    client: pg.Client,
    tables: readonly TableDefinition[],
    stands: SideState['sequences'][number],
  ): Promise<void> {
    const key = formatNamespace(stands.schema, stands.name);
    const isIt = (each: SequenceDefinition): boolean =>
      each.schema === stands.schema && each.name === stands.name;
    const table = tables.find((each) => each.sequences.some(isIt));
    const sequence = table?.sequences.find(isIt);
    if (table !== undefined && sequence !== undefined) {
      const sql = await this.#sequenceAtTarget(client, table, sequence);
      if (sql !== null) await this.#advance(client, sql, sequence, stands);
    }
    this.#written.set(key, standing(stands));
  }

  /** An identity column's sequence may have another name there. Null where this role may not set it. */
  async #sequenceAtTarget(
    client: pg.Client,
    table: TableDefinition,
    sequence: SequenceDefinition,
  ): Promise<string | null> {
    const name = this.#target.names.ofTable(table);
    const { rows } = await client.query<{ sequence: string | null; may: boolean | null }>(
      `SELECT s.sequence, ${maySequence('to_regclass(s.sequence)', 'UPDATE')} AND ${maySequence('to_regclass(s.sequence)', 'SELECT')} AS may
       FROM (SELECT COALESCE(pg_get_serial_sequence($1, $2), (
         SELECT $3::text FROM pg_catalog.pg_class k WHERE k.oid = to_regclass($3) AND k.relkind = 'S')) AS sequence) s`,
      [name.sql, sequence.column, qualifiedName(sequence.schema, sequence.name)],
    );
    const found = rows[0]!;
    if (found.sequence !== null && found.may === true) return found.sequence;
    this.#log.warn(
      { namespace: name.namespace, sequence: sequence.name },
      found.sequence === null
        ? 'sequence is not at the target'
        : 'sequence may not be set by this role; grant it UPDATE and SELECT on the sequence',
    );
    return null;
  }

  async #advance(
    client: pg.Client,
    sql: string,
    { increment }: SequenceDefinition,
    { lastValue, isCalled }: SideState['sequences'][number],
  ): Promise<void> {
    const further = increment.startsWith('-') ? '<' : '>';
    await client.query(
      `SELECT setval(${quoteLiteral(sql)}::regclass, $1::bigint, $2::boolean) FROM ${sql} s
       WHERE $1::bigint ${further} s.last_value OR ($1::bigint = s.last_value AND $2::boolean AND NOT s.is_called)`,
      [lastValue, isCalled],
    );
  }
}

function standing({ lastValue, isCalled }: SideState['sequences'][number]): string {
  return `${lastValue}${isCalled ? '' : ' not called'}`;
}
