import type { Position } from '../../../../../shared/change/position.ts';
import type {
  Column,
  Identity,
  Relation,
  RouteForm,
  RoutePart,
} from '../../../../../shared/change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../../../../../shared/connector/plan.ts';
import type { RelationBarrier, StructureChange } from '../../../../../shared/change/barrier.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { readTable, type SourceTable } from '../../catalog/catalog.ts';
import type { ControlConnection } from '../../connection/control-connection.ts';
import type { Lsn } from '../../connection/lsn.ts';
import { formatNamespace } from '../../connection/names.ts';
import type { DueBarriers, RelationResolver, ResolvedRelation, StreamPlace } from './pgoutput.ts';
import type { RelationMessage } from './relation-message.ts';
import { filledColumns } from '../../catalog/filled-columns.ts';
import { routeOf } from '../../catalog/relation-shape.ts';
import { hasSameKey, isSameShape } from '../../catalog/same-shape.ts';
import { reusesNames, structureChanges, type KnownTable } from '../../catalog/structure-changes.ts';
import { readAltered } from '../../catalog/structure-reads.ts';
import type { TableDefinition } from '../../catalog/table-definition.ts';
import { isSameRecord } from '../../catalog/table-record.ts';
import { readTypeCatalog } from '../../catalog/type-catalog.ts';
import { awaitVisible } from './visible-transaction.ts';

/** The stream has come to a column whose binary form means nothing elsewhere: it must go on in text. */
export class TextStreamNeeded extends Error {}

/** What the target has of a table, or will have when it comes to the barriers given so far. */
interface Current {
  relation: Relation;
  /** Null where the target was told none. */
  definition: TableDefinition | null;
}

/** A table as a read of the catalog found it, against what the target has. */
interface Found {
  /** What it was compared with. */
  current: Current;
  is: KnownTable;
  /** Null where there is nothing to compare with. */
  changes: StructureChange[] | null;
  isBinarySafe: boolean;
}

/**
 * Which shape each table of the stream has, against the shape that the target has. The log tells the shape only
 * when a table first occurs and when it changed, as types by OID; names come from the catalog, and so does all that no
 * message tells: which columns these are, what their types are made of, what is computed. The catalog shows what is, and
 * the log what was: a change that only the catalog shows becomes a barrier where the log ended when it was seen.
 */
export class StreamRelations implements RelationResolver {
  readonly #control: ControlConnection;
  readonly #plans: ReadonlyMap<string, NamespacePlan>;
  readonly #start: Position;
  readonly #tables: ReadonlyMap<number, SourceTable>;
  readonly #typeNames = new Map<string, string>();
  /** By name, what columns of a type are in a stream of binary values. */
  readonly #sent = new Map<string, 'binary' | 'text' | null>();
  readonly #current: Map<string, Current>;
  #due: DueBarriers | null = null;
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
        { relation, definition: (definition ?? null) as TableDefinition | null },
      ]),
    );
    this.#tables = new Map(tables.map((table) => [table.oid, table]));
    for (const table of tables) this.#noteTypes(table);
  }

  get due(): DueBarriers | null {
    return this.#due;
  }

  get encoding(): Column['encoding'] {
    return this.#encoding;
  }

  /** From now on all values come as text. */
  useText(): void {
    this.#encoding = 'text';
    for (const [namespace, current] of this.#current)
      this.#current.set(namespace, { ...current, relation: this.#encoded(current.relation) });
  }

  /**
   * Compares tables as `read` finds them (null: as before) with what the target has. Where they differ, it is told when
   * the stream has come to `logEnd`, which is asked for after the read: everything before it is of the structure that
   * the target has or was told. What the stream tells meanwhile is newer than what was read, and is left for next time.
   */
  async compare(
    read: () => Promise<SourceTable[] | null>,
    logEnd: () => Promise<Lsn>,
  ): Promise<void> {
    const before = new Map(this.#current);
    const found: Found[] = [];
    for (const table of (await read()) ?? []) {
      const current = before.get(table.namespace);
      if (current === undefined) continue;
      this.#noteTypes(table);
      const each = await this.#find(current, table);
      if (isOther(each)) found.push(each);
      // Harmless, such as a file of another number: what comes next is compared with it.
      else if (this.#current.get(table.namespace) === current)
        this.#current.set(table.namespace, { ...current, definition: each.is.definition });
    }
    if (found.length === 0) return;
    const at = await logEnd();
    this.#due = { at, take: () => this.#takeDue(found) };
  }

  #takeDue(found: readonly Found[]): RelationBarrier[] {
    const barriers: RelationBarrier[] = [];
    for (const { current, is, changes, isBinarySafe } of found) {
      if (this.#current.get(current.relation.namespace) !== current) continue;
      if (this.#encoding === 'binary' && !isBinarySafe) throw new TextStreamNeeded();
      const after = { relation: this.#encoded(is.relation), definition: is.definition };
      barriers.push(this.#goOnAs(current, after, changes).barrier);
    }
    this.#due = null;
    return barriers;
  }

  /** The table as it is now, with the key and routing that this pipeline has for it as long as they will do. */
  async #find(current: Current, table: SourceTable): Promise<Found> {
    const { definition } = table;
    const isBinarySafe = table.textColumns.length === 0;
    const now = keyedAs(current.relation, table);
    const relation = isSameShape(now, current.relation)
      ? current.relation
      : this.#withRouting(now, current.relation, table);
    if (current.definition === null)
      return { current, is: { relation, definition }, changes: null, isBinarySafe };
    const was = { relation: current.relation, definition: current.definition };
    const { is, rewritten } = await this.#control.run('looking at a changed table', (client) =>
      readAltered(client, was, { ...table, relation }),
    );
    const isRecorded = was.definition.record !== undefined;
    const changes = isRecorded ? structureChanges(was, is, rewritten) : null;
    return { current, is, changes, isBinarySafe };
  }

  #encoded(relation: Relation): Relation {
    return {
      ...relation,
      columns: relation.columns.map((column) => ({
        ...column,
        encoding: this.#encodingOf(column.type),
      })),
    };
  }

  #encodingOf(type: string): Column['encoding'] {
    return this.#encoding === 'binary' ? (this.#sent.get(type) ?? 'binary') : 'text';
  }

  /** A type may have got another name. */
  #noteTypes({ columnTypes, relation }: SourceTable): void {
    for (const [i, { oid, typmod, sent }] of columnTypes.entries()) {
      const { type } = relation.columns[i]!;
      this.#typeNames.set(`${oid}:${typmod}`, type);
      this.#sent.set(type, sent);
    }
  }

  copiedUpTo(message: RelationMessage): Position | null {
    const plan = this.#plans.get(formatNamespace(message.schema, message.name));
    return plan !== undefined && plan.start > this.#start ? plan.start : null;
  }

  async resolve(
    message: RelationMessage,
    { replaying, transaction }: StreamPlace,
  ): Promise<ResolvedRelation> {
    const namespace = formatNamespace(message.schema, message.name);
    const opened = this.#tables.get(message.oid);
    if (opened !== undefined && opened.namespace !== namespace)
      throw new WeirError(
        'SCHEMA_CHANGED',
        `${opened.namespace} was renamed to ${namespace} at the source; rename it back, or run \`weir reset\` and copy again.`,
      );
    const plan = this.#current.get(namespace);
    if (plan === undefined) return { relation: null, barrier: null };
    const current = plan.relation;
    // What the catalog says is of now. Until every change is new to all lanes, what was recorded counts instead.
    const now = replaying ? null : await this.#readTable(message.oid, transaction);
    const announced = await this.#toRelation(message, current, now);
    if (isSameShape(announced, current)) {
      const after = now && this.#withRouting(current, current, now);
      if (after === null || isSameRouting(after, current))
        return { relation: current, barrier: null };
      return this.#goOnAs(plan, { relation: after, definition: plan.definition }, null);
    }
    const table = now ?? (await this.#readTable(message.oid, transaction));
    const found = table === null ? null : await this.#find(plan, table);
    const isNow = table !== null && isSameShape(announced, keyedAs(current, table));
    // While the catalog is ahead of the log, only what names would mislead about concerns this place of the log.
    const changes =
      found !== null && (isNow || reusesNames(found.changes ?? [], found.is))
        ? found.changes
        : null;
    if ((changes ?? []).length === 0 && isEarlierShape(announced, current, table))
      return { relation: announced, barrier: null };
    await this.#requireBinarySafe(message);
    const relation = this.#withRouting(announced, current, table);
    let { definition } = plan;
    if (found !== null)
      definition =
        isNow || definition === null
          ? found.is.definition
          : withColumnsOf(relation, definition, found.is.definition);
    return this.#goOnAs(plan, { relation, definition }, changes);
  }

  #goOnAs(
    before: Current,
    after: Current,
    changes: StructureChange[] | null,
  ): ResolvedRelation & { barrier: RelationBarrier } {
    this.#current.set(after.relation.namespace, after);
    const filled = filledColumns(before, after);
    const told = { ...(changes && { changes }), ...(filled.length > 0 && { filled }) };
    return {
      relation: after.relation,
      barrier: { kind: 'relation', before: before.relation, after, ...told },
    };
  }

  async #readTable(oid: number, transaction: number): Promise<SourceTable | null> {
    await awaitVisible(this.#control, transaction);
    return this.#control.run('reading a table of the stream', (client) => readTable(client, oid));
  }

  /**
   * The relation with what spreads its rows over the lanes. It never spreads them more than what was before: the target
   * may still have the unique index that is gone from the source. `now`: null where the catalog has no such table.
   */
  #withRouting(relation: Relation, before: Relation, now: SourceTable | null): Relation {
    const { namespace, columns, key, identity } = relation;
    const isOneLane =
      [before, now?.relation].some((each) => each?.order === 'namespace') ||
      this.together.has(namespace);
    const isLoose =
      (now?.relation ?? before).looseKey ?? (hasSameKey(relation, before) && before.looseKey);
    return {
      ...{ namespace, columns, key, identity },
      order: isOneLane ? 'namespace' : 'key',
      route: routeNow(relation, before, now),
      ...(isLoose === true && { looseKey: true }),
    };
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
      encoding: this.#encodingOf(types[i]!),
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
      const types = await this.#control.run('reading types', (client) =>
        readTypeCatalog(
          client,
          missing.map(({ typeOid }) => typeOid),
        ),
      );
      for (const { typeOid, typmod } of missing)
        this.#sent.set(
          this.#typeNames.get(`${typeOid}:${typmod}`) ?? '???',
          types.sentForm(typeOid),
        );
    }
    return keys.map((key) => this.#typeNames.get(key) ?? '???');
  }

  async #requireBinarySafe(message: RelationMessage): Promise<void> {
    if (this.#encoding === 'text') return;
    const oids = message.columns.map((column) => column.typeOid);
    const types = await this.#control.run('reading types', (client) =>
      readTypeCatalog(client, oids),
    );
    if (!oids.every((oid) => types.sentForm(oid) !== null)) throw new TextStreamNeeded();
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

/**
 * The route as recorded as long as the columns are, without what no longer fits, as a column may get a collation that
 * ignores case; otherwise as the catalog has the columns.
 */
function routeNow(relation: Relation, before: Relation, now: SourceTable | null): RoutePart[] {
  const formOf = (column: number): RouteForm | null => {
    const { name, type } = relation.columns[column]!;
    const isIt = (each: Column): boolean => each.name === name && each.type === type;
    const place = now?.relation.columns.findIndex(isIt) ?? -1;
    return now?.columnTypes[place]?.form ?? null;
  };
  if (relation === before && relation.route !== undefined) {
    if (now === null || relation.order === 'namespace') return relation.route;
    return relation.route.filter(({ column, form }) => form === formOf(column));
  }
  return routeOf(
    relation,
    relation.columns.map((_, column) => formOf(column)),
  );
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

/** Told apart as recorded, where the log holds whole rows and these columns still do. */
function keyedAs(current: Relation, table: SourceTable): Relation {
  const { relation, replicaIdentity } = table;
  if (replicaIdentity !== 'f' || relation.identity === 'none') return relation;
  const key = fullKey(current, table)
    .map((name) => relation.columns.findIndex((column) => column.name === name))
    .sort((a, b) => a - b);
  if (key.length === 0 || key.includes(-1)) return { ...relation, key: [], identity: 'row' };
  return { ...relation, key, identity: 'key' };
}

function isOther({ current: { relation, definition }, is, changes }: Found): boolean {
  return (
    (changes !== null && changes.length > 0) ||
    !isSameShape(relation, is.relation) ||
    (definition !== null && !isSameRecord(definition.record, is.definition.record))
  );
}

/** Of a table that has changed further since, those columns only that the log has told of. */
function withColumnsOf(
  { columns }: Relation,
  known: TableDefinition,
  now: TableDefinition,
): TableDefinition {
  const added = now.columns.filter(
    ({ name }) =>
      columns.some((each) => each.name === name) &&
      !known.columns.some((each) => each.name === name),
  );
  return { ...known, columns: [...known.columns, ...added] };
}
