import type { Position } from '../../../shared/change/position.ts';
import type {
  Column,
  Identity,
  Relation,
  RelationPlan,
  RoutePart,
} from '../../../shared/change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../../../shared/connector/plan.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { readTable, type SourceTable } from './catalog.ts';
import type { ControlConnection } from './control-connection.ts';
import { formatNamespace } from './names.ts';
import type { RelationResolver, ResolvedRelation } from './pgoutput.ts';
import type { RelationMessage } from './relation-message.ts';
import { routeOf } from './relation-shape.ts';
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
  readonly #current: Map<string, RelationPlan>;
  #encoding: Column['encoding'];
  /** See `ChangeReceiver`. */
  together: ReadonlySet<string> = new Set();

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
    this.#current = new Map(
      plan.namespaces.map(({ relation, definition }) => [
        relation.namespace,
        { relation, definition },
      ]),
    );
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
    for (const [namespace, { relation, definition }] of this.#current) {
      const columns = relation.columns.map((column) => ({ ...column, encoding: 'text' as const }));
      this.#current.set(namespace, { relation: { ...relation, columns }, definition });
    }
  }

  copiedUpTo(message: RelationMessage): Position | null {
    const plan = this.#plans.get(formatNamespace(message.schema, message.name));
    return plan !== undefined && plan.start > this.#start ? plan.start : null;
  }

  async resolve(message: RelationMessage, replaying: boolean): Promise<ResolvedRelation> {
    const namespace = formatNamespace(message.schema, message.name);
    const opened = this.#tables.get(message.oid);
    if (opened !== undefined && opened.namespace !== namespace)
      throw new WeirError(
        'SCHEMA_CHANGED',
        `${opened.namespace} was renamed to ${namespace} at the source; rename it back, or run \`weir reset\` and copy anew.`,
      );
    const plan = this.#current.get(namespace);
    if (plan === undefined) return { relation: null, barrier: null };
    const current = plan.relation;
    // What the catalog says is of now. Until every change is new to all lanes, what was recorded counts instead.
    const now = replaying ? null : await this.#readTable(message.oid);
    const announced = await this.#toRelation(message, current, now);
    if (isSameShape(announced, current)) {
      const after = now && (await this.#withRouting(message, current, current, now.relation));
      if (after === null || isSameRouting(after, current))
        return { relation: current, barrier: null };
      return this.#goOnAs(plan, { relation: after, definition: plan.definition });
    }
    const table = now ?? (await this.#readTable(message.oid));
    if (isEarlierShape(announced, current, table)) return { relation: announced, barrier: null };
    await this.#requireBinarySafe(message);
    const { relation = current, definition = plan.definition } = table ?? {};
    const after = await this.#withRouting(message, announced, current, relation);
    return this.#goOnAs(plan, { relation: after, definition });
  }

  #goOnAs(before: RelationPlan, after: RelationPlan): ResolvedRelation {
    this.#current.set(after.relation.namespace, after);
    return {
      relation: after.relation,
      barrier: { kind: 'relation', before: before.relation, after },
    };
  }

  #readTable(oid: number): Promise<SourceTable | null> {
    return this.#control.run('reading a table of the stream', (client) => readTable(client, oid));
  }

  /**
   * The relation with what spreads its rows over the lanes. It never spreads them more than what was before: the target
   * may still have the unique index that is gone from the source.
   */
  async #withRouting(
    message: RelationMessage,
    relation: Relation,
    before: Relation,
    now: Relation,
  ): Promise<Relation> {
    const { namespace, columns, key, identity } = relation;
    const isOneLane =
      [before, now].some(({ order }) => order === 'namespace') || this.together.has(namespace);
    const isLoose = now.looseKey ?? (hasSameKey(relation, before) && before.looseKey);
    const isSame = relation === before && relation.route !== undefined;
    return {
      ...{ namespace, columns, key, identity },
      order: isOneLane ? 'namespace' : 'key',
      route: isSame ? relation.route! : await this.#routeOf(message, relation),
      ...(isLoose === true && { looseKey: true }),
    };
  }

  async #routeOf({ columns }: RelationMessage, relation: Relation): Promise<RoutePart[]> {
    const oids = columns.map(({ typeOid }) => typeOid);
    const types = await this.#control.run('reading types', (client) =>
      readTypeCatalog(client, oids),
    );
    return routeOf(relation, oids, types);
  }

  /** The relation as the message says; what it does not say is as in `now`, or as recorded. */
  async #toRelation(
    message: RelationMessage,
    current: Relation,
    now: SourceTable | null,
  ): Promise<Relation> {
    const types = await this.#readTypeNames(message);
    const columns = message.columns.map(({ name }, i) => ({
      name,
      type: types[i]!,
      encoding: this.#encoding,
    }));
    const names = columns.map((column) => column.name);
    let identity: Identity = 'key';
    let key: number[] = message.columns.flatMap((column, i) => (column.isKey ? [i] : []));
    if ((now?.relation ?? current).identity === 'none' || message.replicaIdentity === 'n')
      identity = 'none';
    else if (message.replicaIdentity === 'f') {
      key = fullKey(current, now).map((name) => names.indexOf(name));
      if (key.length === 0 || key.includes(-1)) identity = 'row';
    } else if (key.length === 0) identity = 'none';
    if (identity !== 'key') key = [];
    else key.sort((a, b) => a - b);
    const { namespace, order, route, looseKey } = current;
    const carried = route?.flatMap(({ column, form }) => {
      const place = names.indexOf(current.columns[column]!.name);
      return place < 0 ? [] : [{ column: place, form }];
    });
    return {
      ...{ namespace, columns, key, identity, order },
      ...(carried && { route: carried }),
      ...(looseKey && { looseKey }),
    };
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
 * By which columns rows are told apart where the log holds whole rows: as recorded, as long as the source has such a key;
 * none is all of them.
 */
function fullKey(current: Relation, now: SourceTable | null): string[] {
  const recorded = current.key.map((i) => current.columns[i]!.name);
  if (now === null || current.identity === 'row') return recorded;
  const isRecorded = (key: readonly string[]): boolean =>
    key.length === recorded.length && key.every((name) => recorded.includes(name));
  return now.rowKeys.find(isRecorded) ?? now.rowKeys[0] ?? [];
}

function isSameRouting(a: Relation, b: Relation): boolean {
  return (
    a.order === b.order &&
    a.looseKey === b.looseKey &&
    JSON.stringify(a.route) === JSON.stringify(b.route)
  );
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
