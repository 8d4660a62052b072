import type pg from 'pg';
import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import { PartitionWriter } from '../ddl/partition-writer.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { SequenceWriter } from '../ddl/sequence-writer.ts';
import type { SideState, TableDefinition } from '../../catalog/table-definition.ts';

/**
 * Carries over what is beside the log: where sequences stand, and partitions that appeared. Costs a question where
 * nothing has changed since the last time.
 */
export class SideStateWriter {
  readonly #target: PlanTarget;
  readonly #sequences: SequenceWriter;
  readonly #partitions: PartitionWriter;

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#sequences = new SequenceWriter(target, log);
    this.#partitions = new PartitionWriter(target, log);
  }

  get warnings(): readonly string[] {
    return [...this.#partitions.warnings, ...this.#sequences.problems];
  }

  async write(client: pg.Client, state: SideState): Promise<void> {
    const moved = await this.#sequences.moved(client, state.sequences);
    if (moved.length === 0 && !this.#partitions.isDue(state.partitions)) return;
    const { rows } = await client.query<{ definition: TableDefinition }>(
      'SELECT definition FROM weir.namespace WHERE pipeline = $1',
      [this.#target.pipeline],
    );
    const tables = rows.map((row) => row.definition);
    if (this.#partitions.isDue(state.partitions))
      await this.#partitions.write(client, tables, state.partitions);
    for (const sequence of moved) await this.#sequences.set(client, tables, sequence);
  }
}
