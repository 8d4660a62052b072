import type { Position } from '../../../shared/change/position.ts';
import type { Column, Identity, Relation } from '../../../shared/change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { readTable, type SourceTable } from './catalog.ts';
import type { ControlConnection } from './control-connection.ts';
import { formatNamespace } from './names.ts';
import type { RelationResolver, ResolvedRelation } from './pgoutput.ts';
import type { RelationMessage } from './relation-message.ts';
import { hasSameKey, isSameShape } from './same-shape.ts';
import { readTypeCatalog } from './type-catalog.ts';

/** The stream has come to a column whose binary form means nothing elsewhere: it must go on in text. */
export class TextStreamNeeded extends Error {}

/**
 * Which shape each table of the stream has, against the shape that the target has. The log tells the shape only
 * when a table first occurs and when it changed, as types by OID; names come from the catalog.
 */
export class StreamRelations implements RelationResolver {
  readonly #control: ControlConnection;
  readonly #plans: ReadonlyMap<string, NamespacePlan>;
  readonly #start: Position;
  readonly #tables: ReadonlyMap<number, SourceTable>;
  readonly #typeNames = new Map<string, string>();
  /** What the target has, or will have when it comes to the barriers given so far. */
  readonly #current: Map<string, Relation>;
  #encoding: Column['encoding'];

  constructor(
    control: ControlConnection,
    plan: PipelinePlan,
    tables: readonly SourceTable[],
    encoding: Column['encoding'],
  ) {
    this.#control = control;
    this.#start = plan.start;
    this.#encoding = encoding;
    this.#plans = new Map(plan.namespaces.map((n) => [n.relation.namespace, n]));
    this.#current = new Map(plan.namespaces.map((n) => [n.relation.namespace, n.relation]));
    this.#tables = new Map(tables.map((table) => [table.oid, table]));
    for (const table of tables)
      for (const [i, type] of table.columnTypes.entries())
        this.#typeNames.set(`${type.oid}:${type.typmod}`, table.relation.columns[i]!.type);
  }

  get encoding(): Column['encoding'] {
    return this.#encoding;
  }

  /** From now on all values come as text. */
  useText(): void {
    this.#encoding = 'text';
    for (const [namespace, relation] of this.#current)
      this.#current.set(namespace, {
        ...relation,
        columns: relation.columns.map((column) => ({ ...column, encoding: 'text' })),
      });
  }

  copiedUpTo(message: RelationMessage): Position | null {
    const plan = this.#plans.get(formatNamespace(message.schema, message.name));
    return plan !== undefined && plan.start > this.#start ? plan.start : null;
  }

  async resolve(message: RelationMessage): Promise<ResolvedRelation> {
    const namespace = formatNamespace(message.schema, message.name);
    const opened = this.#tables.get(message.oid);
    if (opened !== undefined && opened.namespace !== namespace)
      throw new WeirError(
        'SCHEMA_CHANGED',
        `${opened.namespace} was renamed to ${namespace} at the source; rename it back, or run \`weir reset\` and copy anew.`,
      );
    const current = this.#current.get(namespace);
    if (current === undefined) return { relation: null, barrier: null };
    const announced = await this.#toRelation(message, current, opened);
    if (isSameShape(announced, current)) return { relation: current, barrier: null };
    const table = await this.#control.run('reading a changed table', (client) =>
      readTable(client, message.oid),
    );
    if (isEarlierShape(announced, current, table)) return { relation: announced, barrier: null };
    await this.#requireBinarySafe(message);
    const { order, looseKey } = table?.relation ?? current;
    const after = { ...announced, order, ...(looseKey && { looseKey }) };
    this.#current.set(namespace, after);
    const definition = table?.definition ?? this.#plans.get(namespace)?.definition;
    return {
      relation: after,
      barrier: { kind: 'relation', before: current, after: { relation: after, definition } },
    };
  }

  /** The relation as the message says, told apart as the table was when its publication was chosen. */
  async #toRelation(
    message: RelationMessage,
    current: Relation,
    opened: SourceTable | undefined,
  ): Promise<Relation> {
    const types = await this.#readTypeNames(message);
    const columns = message.columns.map(({ name }, i) => ({
      name,
      type: types[i]!,
      encoding: this.#encoding,
    }));
    const base = opened?.relation ?? current;
    const names = columns.map((column) => column.name);
    let identity: Identity = 'key';
    let key: number[] = message.columns.flatMap((column, i) => (column.isKey ? [i] : []));
    if (base.identity === 'none' || message.replicaIdentity === 'n') identity = 'none';
    else if (message.replicaIdentity === 'f') {
      key = base.key.map((i) => names.indexOf(base.columns[i]!.name));
      if (key.length === 0 || key.includes(-1)) identity = 'row';
    } else if (key.length === 0) identity = 'none';
    if (identity !== 'key') key = [];
    const { namespace, order, looseKey } = current;
    return { namespace, columns, key, identity, order, ...(looseKey && { looseKey }) };
  }

  async #readTypeNames(message: RelationMessage): Promise<string[]> {
    const keys = message.columns.map(({ typeOid, typmod }) => `${typeOid}:${typmod}`);
    const missing = message.columns.filter((_, i) => !this.#typeNames.has(keys[i]!));
    if (missing.length > 0) {
      const rows = await this.#control.query<{ key: string; name: string }>(
        'reading the names of types',
        `SELECT t.oid || ':' || t.typmod AS key, format_type(t.oid, t.typmod) AS name
         FROM unnest($1::oid[], $2::int4[]) AS t(oid, typmod)`,
        [missing.map((column) => column.typeOid), missing.map((column) => column.typmod)],
      );
      for (const row of rows) this.#typeNames.set(row.key, row.name);
    }
    return keys.map((key) => this.#typeNames.get(key) ?? '???');
  }

  async #requireBinarySafe(message: RelationMessage): Promise<void> {
    if (this.#encoding === 'text') return;
    const oids = message.columns.map((column) => column.typeOid);
    const types = await this.#control.run('reading types', (client) =>
      readTypeCatalog(client, oids),
    );
    if (!oids.every((oid) => types.isBinarySafe(oid))) throw new TextStreamNeeded();
  }
}

/**
 * The log may be read again from before columns were added that the target has by now. Then the message lacks
 * columns which the target has and the source still has; had they been dropped, the source would not have them.
 */
function isEarlierShape(announced: Relation, current: Relation, now: SourceTable | null): boolean {
  const has = (columns: readonly Column[], wanted: Column): boolean =>
    columns.some((column) => column.name === wanted.name && column.type === wanted.type);
  return (
    now !== null &&
    hasSameKey(announced, current) &&
    announced.columns.every((column) => has(current.columns, column)) &&
    current.columns.every(
      (column) => has(announced.columns, column) || has(now.relation.columns, column),
    )
  );
}
