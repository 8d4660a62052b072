import {
  COUNTED,
  STATE_TABLES,
  type CountTable,
  type StateColumn,
  type StateTable,
} from '../../../../../shared/state/records.ts';
import type { AddCounts, StateChange } from '../../../../../shared/state/state-step.ts';
import type { PutValue, SqlType, SqlValue } from '../../connection/parameters.ts';
import type { ParkedChange } from './parked-change.ts';

/** The changes of a step (`StateStep`) as statements over the tables of the schema `weir`. */

const TYPES: Readonly<Record<StateColumn, SqlType>> = {
  text: 'text',
  integer: 'integer',
  bigint: 'bigint',
  boolean: 'boolean',
  json: 'jsonb',
  position: 'text',
  bytes: 'bytea',
  instant: 'timestamptz',
};

type Cells = object;
type Change<Kind> = Extract<StateChange, { kind: Kind }>;

/** What becomes of one change; it must concern one record exactly where the change expects something. */
export function toStatement(
  pipeline: string,
  change: Exclude<StateChange, ParkedChange>,
  put: PutValue,
): string {
  switch (change.kind) {
    case 'update':
      return updateStatement(pipeline, change, put);
    case 'insert':
      return insertStatement(pipeline, change, put);
    case 'put':
      return putStatement(pipeline, change, put);
    case 'remove':
      return removeStatement(pipeline, change, put);
    case 'add':
      return addStatement(pipeline, change, `(SELECT ${put(change.lane, 'integer')} AS lane)`, put);
  }
}

export function updateStatement(
  pipeline: string,
  { table, key, expect, oneOf, set }: Change<'update'>,
  put: PutValue,
): string {
  const sets = cellsOf(table, set, put).map(({ name, sql }) => `${name} = ${sql}`);
  const where = [
    ofPipeline(table, pipeline, put),
    ...equalities(table, key, put),
    ...equalities(table, expect, put),
    ...(oneOf === undefined ? [] : [isOneOf(table, oneOf, put)]),
  ];
  return `UPDATE weir.${table} SET ${sets.join(', ')} WHERE ${where.join(' AND ')}`;
}

function insertStatement(
  pipeline: string,
  { table, row }: Change<'insert'>,
  put: PutValue,
): string {
  const cells = cellsOf(table, row, put);
  const names = [pipelineColumn(table), ...cells.map(({ name }) => name)].join(', ');
  const values = [put(pipeline, 'text'), ...cells.map(({ sql }) => sql)].join(', ');
  return `INSERT INTO weir.${table} (${names}) VALUES (${values}) ON CONFLICT DO NOTHING`;
}

/** One statement, however many rows there are. */
function putStatement(
  pipeline: string,
  { table, rows, keep }: Change<'put'>,
  put: PutValue,
): string {
  const columns = Object.entries<StateColumn>(STATE_TABLES[table].columns);
  const names = columns.map(([column]) => nameOf(column));
  const list = rows.map((row: Cells) =>
    Object.fromEntries(columns.map(([column], i) => [names[i]!, valueOf(row, column)])),
  );
  const shape = columns.map(([, type], i) => `${names[i]} ${TYPES[type]}`).join(', ');
  const key = [pipelineColumn(table), ...STATE_TABLES[table].key.map(nameOf)].join(', ');
  const sets = names.map((name) => `${name} = excluded.${name}`).join(', ');
  const kept =
    keep === undefined ? '' : ` WHERE NOT (${equalities(table, keep, put, 'r.').join(' AND ')})`;
  return `INSERT INTO weir.${table} AS r (${pipelineColumn(table)}, ${names.join(', ')}) SELECT ${put(pipeline, 'text')}, v.* FROM jsonb_to_recordset(${put(JSON.stringify(list), 'jsonb')}) AS v(${shape}) ON CONFLICT (${key}) DO UPDATE SET ${sets}${kept}`;
}

function removeStatement(
  pipeline: string,
  { table, where, except }: Change<'remove'>,
  put: PutValue,
): string {
  const conditions = [ofPipeline(table, pipeline, put), ...equalities(table, where, put)];
  if (except !== undefined) {
    const column = STATE_TABLES[table].key[0]! as string;
    const type = `${typeOf(table, column)}[]` as SqlType;
    const list = `{${except.map((each) => JSON.stringify(each)).join()}}`;
    conditions.push(`NOT (${nameOf(column)} = ANY(${put(list, type)}))`);
  }
  return `DELETE FROM weir.${table} WHERE ${conditions.join(' AND ')}`;
}

/** Adds to the counts of the lanes that `lanes`, a relation with a column of that name, gives. */
export function addStatement(
  pipeline: string,
  { table, counts }: Pick<AddCounts, 'table' | 'counts'>,
  lanes: string,
  put: PutValue,
): string {
  const values = [...counts].map(([namespace, n]) => {
    const added = COUNTED.map((each) => put(n[each], 'bigint'));
    return `(${[put(namespace, 'text'), ...added].join(', ')})`;
  });
  return `INSERT INTO weir.${table} AS c (pipeline, lane, namespace, ${COUNTED.join(', ')}) SELECT ${put(pipeline, 'text')}, l.lane, v.* FROM ${lanes} l, (VALUES ${values.join(', ')}) v ${ADD_COUNTS}`;
}

/** For inserts into `weir.count AS c`. */
export const ADD_COUNTS = `ON CONFLICT (pipeline, lane, namespace) DO UPDATE SET ${COUNTED.map((each) => `${each} = c.${each} + excluded.${each}`).join(', ')}`;

export function sumStatement(table: CountTable): string {
  const sums = COUNTED.map((each) => `sum(${each}) AS ${each}`).join(', ');
  return `SELECT namespace, ${sums} FROM weir.${table} WHERE pipeline = $1 GROUP BY namespace`;
}

/** The columns of a table, each under the name that it has in its record. */
export function selectList(table: StateTable): string {
  return Object.entries<StateColumn>(STATE_TABLES[table].columns)
    .map(([column]) => `${nameOf(column)} AS "${column}"`)
    .join(', ');
}

/** A bigint comes as text, an instant as a Date. */
export function toRecord<Row extends object>(table: StateTable, row: object): Row {
  const cells = Object.entries<unknown>({ ...row }).map(([column, value]) => {
    if (value instanceof Date) return [column, value.toISOString()];
    const isNumber = typeOf(table, column) === 'bigint' && value !== null;
    return [column, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(cells) as Row;
}

function ofPipeline(table: StateTable, pipeline: string, put: PutValue): string {
  return `${pipelineColumn(table)} = ${put(pipeline, 'text')}`;
}

function pipelineColumn(table: StateTable): string {
  return table === 'pipeline' ? 'name' : 'pipeline';
}

function isOneOf(table: StateTable, oneOf: readonly Cells[], put: PutValue): string {
  const columns = Object.keys(oneOf[0] ?? {});
  const rows = oneOf.map((each) =>
    columns.map((column) => putCell(table, column, valueOf(each, column), put)).join(', '),
  );
  return `(${columns.map(nameOf).join(', ')}) IN (${rows.map((row) => `(${row})`).join(', ')})`;
}

function equalities(table: StateTable, cells: Cells, put: PutValue, of = ''): string[] {
  return Object.entries<unknown>({ ...cells }).map(([column, value]) =>
    value === null
      ? `${of}${nameOf(column)} IS NULL`
      : `${of}${nameOf(column)} = ${putCell(table, column, value, put)}`,
  );
}

function cellsOf(table: StateTable, cells: Cells, put: PutValue): { name: string; sql: string }[] {
  return Object.entries<unknown>({ ...cells }).map(([column, value]) => ({
    name: nameOf(column),
    sql: putCell(table, column, value, put),
  }));
}

function putCell(table: StateTable, column: string, value: unknown, put: PutValue): string {
  const type = typeOf(table, column);
  if (type !== 'jsonb') return put(value as SqlValue, type);
  // A definition that is none is one all the same: of a store that has no more to say of its tables.
  const isNull = (value ?? null) === null && column !== 'definition';
  return put(isNull ? null : JSON.stringify(value ?? null), type);
}

function valueOf(cells: Cells, column: string): unknown {
  return (cells as Readonly<Record<string, unknown>>)[column];
}

function typeOf(table: StateTable, column: string): SqlType {
  const columns: Readonly<Record<string, StateColumn>> = STATE_TABLES[table].columns;
  return TYPES[columns[column]!];
}

function nameOf(column: string): string {
  return column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
