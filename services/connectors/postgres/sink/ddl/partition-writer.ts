import type pg from 'pg';
import type { ConnectorLog } from '../../../../../shared/connector/end-options.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { leftOutChange, leftOutReason } from '../../catalog/left-out-partition.ts';
import { formatNamespace, quoteIdent } from '../../connection/names.ts';
import { partitionTree } from '../../catalog/partition-tree.ts';
import type { PlanTarget } from '../target/plan-target.ts';
import { toPartitionDefaults } from './default-ddl.ts';
import { toPartitionStatements } from './partition-ddl.ts';
import type {
  PartitionDefinition,
  SideState,
  TableDefinition,
} from '../../catalog/table-definition.ts';
import { inTransaction, runDdl } from '../target/target-ddl.ts';

type Partition = SideState['partitions'][number];

/**
 * Keeps the target's partitions in step with the source's, whose log does not speak of them: makes those that
 * appeared, stops at one that came with rows, and tells of those that went and have left rows at the target, and of
 * those that appeared and whose rows cannot be followed.
 */
export class PartitionWriter {
  readonly #target: PlanTarget;
  readonly #log: ConnectorLog;
  /** As the source had them the last time, with what of them is left out. */
  #known: ReadonlySet<string> = new Set();
  /** Sentences, of those that went and have left rows at the target. */
  #gone: ReadonlySet<string> = new Set();
  /** Sentences, of those that appeared since this process began and whose rows are left out. */
  readonly #leftOut = new Map<string, string>();

  constructor(target: PlanTarget, log: ConnectorLog) {
    this.#target = target;
    this.#log = log;
  }

  get warnings(): readonly string[] {
    return [...this.#gone, ...this.#leftOut.values()];
  }

  isDue(partitions: readonly Partition[]): boolean {
    const isOther = partitions.length !== this.#known.size || partitions.some((p) => !this.#has(p));
    return isOther || this.#gone.size > 0;
  }

  async write(
    client: pg.Client,
    tables: readonly TableDefinition[],
    partitions: readonly Partition[],
  ): Promise<void> {
    const present = new Set(partitions.map(namespaceOf));
    const roots = rootsOf(tables);
    const followed = new Set<TableDefinition>();
    for (const partition of partitions) {
      const root = roots.get(namespaceOf(partition.parent));
      if (root === undefined) continue;
      roots.set(namespaceOf(partition), root);
      followed.add(root);
      if (!this.#has(partition)) await this.#add(client, partition, root);
    }
    const gone = new Set<string>();
    for (const root of followed)
      for (const partition of root.partitions)
        if (!present.has(namespaceOf(partition)) && (await this.#isLeft(client, partition, root)))
          gone.add(this.#tellGone(partition, root));
    this.#gone = gone;
    for (const namespace of this.#leftOut.keys())
      if (!present.has(namespace)) this.#leftOut.delete(namespace);
    this.#known = new Set(partitions.map(standing));
  }

  #has(partition: Partition): boolean {
    return this.#known.has(standing(partition));
  }

  async #add(
    client: pg.Client,
    { unsent = false, ...partition }: Partition,
    root: TableDefinition,
  ): Promise<void> {
    const namespace = namespaceOf(partition);
    const name = this.#target.names.ofPartition(partition, root);
    const known = root.partitions.find((each) => namespaceOf(each) === namespace);
    if (known !== undefined && (known.leftOut ?? null) !== (partition.leftOut ?? null))
      throw new WeirError('SCHEMA_CHANGED', leftOutChange(partition));
    const { rows } = await client.query<{
      kind: string | null;
      there: boolean;
      has: boolean;
      schema: boolean;
      version: number;
    }>(
      `SELECT current_setting('server_version_num')::int AS version,
         (SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass($3)) AS kind,
         to_regclass($1) IS NOT NULL AS there, to_regnamespace($2) IS NOT NULL AS schema,
         EXISTS (SELECT FROM ${partitionTree('to_regclass($3)')} p WHERE relid = to_regclass($1)) AS has`,
      [name.sql, quoteIdent(name.schema), this.#target.names.ofTable(root).sql],
    );
    const { kind, there, has, schema, version } = rows[0]!;
    if (there && !has && kind === 'p')
      throw new WeirError(
        'TARGET_UNFIT',
        `the partition ${namespace} cannot be made at the target, because something else there is called ${name.namespace}; rename that, then start the pipeline again`,
      );
    // A table that is not partitioned there takes the rows of all partitions.
    if (!there && kind === 'p') {
      const statements = [
        ...toPartitionStatements(partition, root, this.#target.names, version),
        ...toPartitionDefaults(partition, root, this.#target.names),
      ];
      const sql = statements.join('; ');
      if (unsent)
        throw new WeirError(
          'SCHEMA_CHANGED',
          `${namespace} was attached to ${namespaceOf(root)} at the source with rows in it, which PostgreSQL does not send; run at the target: ${sql}; copy the rows of ${namespace} into it, then start the pipeline again`,
        );
      if (this.#target.create === 'never')
        throw new WeirError(
          'TARGET_UNFIT',
          `the partition ${namespace} appeared at the source and is not at the target; run there: ${sql}`,
        );
      const what = `creating the partition ${name.namespace}`;
      await inTransaction(client, async () => {
        if (!schema) await runDdl(client, `CREATE SCHEMA ${quoteIdent(name.schema)}`, what);
        for (const each of statements) await runDdl(client, each, what);
      });
    }
    if (known === undefined && (partition.leftOut ?? null) !== null)
      this.#tellLeftOut(partition, root);
    await client.query(
      `UPDATE weir.namespace SET definition = jsonb_set(definition, '{partitions}', definition -> 'partitions' || $3::jsonb)
       WHERE pipeline = $1 AND namespace = $2 AND NOT definition -> 'partitions' @> $4::jsonb`,
      [
        this.#target.pipeline,
        namespaceOf(root),
        JSON.stringify([partition]),
        JSON.stringify([{ schema: partition.schema, name: partition.name }]),
      ],
    );
  }

  /** Whether the target still has it; else it is forgotten. */
  async #isLeft(
    client: pg.Client,
    partition: PartitionDefinition,
    root: TableDefinition,
  ): Promise<boolean> {
    const name = this.#target.names.ofPartition(partition, root);
    const { rows } = await client.query<{ has: boolean }>(
      'SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = to_regclass($1)) AS has',
      [name.sql],
    );
    if (rows[0]?.has === true) return true;
    await client.query(
      `UPDATE weir.namespace SET definition = jsonb_set(definition, '{partitions}', COALESCE((
         SELECT jsonb_agg(p) FROM jsonb_array_elements(definition -> 'partitions') p
         WHERE (p ->> 'schema', p ->> 'name') <> ($3, $4)), '[]'))
       WHERE pipeline = $1 AND namespace = $2`,
      [this.#target.pipeline, namespaceOf(root), partition.schema, partition.name],
    );
    return false;
  }

  /** Of those that were there when the pipeline was opened, `check` and the reader tell. */
  #tellLeftOut(partition: PartitionDefinition, root: TableDefinition): void {
    const text = leftOutReason(partition);
    this.#leftOut.set(namespaceOf(partition), text);
    this.#log.warn({ namespace: this.#target.names.ofTable(root).namespace }, text);
  }

  /** Once in the log, and as long as it is so where people look. */
  #tellGone(partition: PartitionDefinition, root: TableDefinition): string {
    const name = this.#target.names.ofPartition(partition, root);
    const table = this.#target.names.ofTable(root);
    const text = `${namespaceOf(partition)} is no longer a partition of ${namespaceOf(root)} at the source, which PostgreSQL does not send; its rows are still at the target: once the pipeline has caught up, run there: ALTER TABLE ${table.sql} DETACH PARTITION ${name.sql}, or DROP TABLE ${name.sql}`;
    if (!this.#gone.has(text))
      this.#log.warn({ namespace: table.namespace, partition: name.namespace }, text);
    return text;
  }
}

function namespaceOf({ schema, name }: { schema: string; name: string }): string {
  return formatNamespace(schema, name);
}

/** What is to be done about it has been done where this is the same. */
function standing(partition: Partition): string {
  return `${namespaceOf(partition)} ${partition.leftOut ?? ''}`;
}

/** The partitioned table of each name in its tree, itself included. */
function rootsOf(tables: readonly TableDefinition[]): Map<string, TableDefinition> {
  const partitioned = tables.filter((table) => table.partitionBy !== null);
  return new Map(
    partitioned.flatMap((table) =>
      [table, ...table.partitions].map((each) => [namespaceOf(each), table] as const),
    ),
  );
}
