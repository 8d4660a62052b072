import type { NetChanges } from '../../../shared/connector/sink.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { toCopyMessages, type CopyIn } from './copy-in.ts';
import type { Staging } from './staging-tables.ts';
import { toKeyRows, toMaskedRow, toMaskedRows } from './tuple-rows.ts';
import type { StagingUse } from './write-statements.ts';
import type { WriteTarget } from './write-target.ts';

/** One statement of a script; COPYs bring their bytes. */
export interface Statement {
  sql: string;
  copy?: CopyIn;
  /** The target's table it writes, for messages. */
  namespace?: string;
}

/** A row that gets a new key, some of its columns unchanged: see `Barrier`. */
export interface Move {
  key: Buffer;
  row: Buffer;
}

/** `fresh`: how many of the upserts, the first ones, go into the table as they are: see `FreshRows`. */
export function usesOf(changes: NetChanges, target: WriteTarget, fresh = 0): StagingUse[] {
  const uses: StagingUse[] = [];
  const direct = isDirect(target);
  if (changes.deletes.length > 0) uses.push('deletes');
  if (changes.partial.length > 0) uses.push('masked');
  const completes = changes.partial.length > 0 && target.method === 'replace';
  if ((changes.upserts.length > fresh && !direct) || completes) uses.push('rows');
  return uses;
}

/** The net changes of one relation: deletes first, then what takes their place. */
export function toStatements(
  changes: NetChanges,
  target: WriteTarget,
  staging: Staging,
  fresh = 0,
): Statement[] {
  const { upserts, partial, deletes, relation } = changes;
  const sql = staging.statementsOf(target);
  const namespace = target.name.namespace;
  const list: Statement[] = [];
  const add = (text: string): void => void list.push({ sql: text, namespace });
  const load = (text: string, rows: Iterable<Buffer>): void =>
    void list.push({ sql: text, copy: { messages: toCopyMessages(rows), whole: true }, namespace });

  if (target.key.length === 0) {
    refuseUnmatched(changes, target);
    if (deletes.length > 0) {
      load(sql.copy('deletes'), deletes);
      // The whole table is compared with the batch: here a hash join is the plan to have.
      add('SET LOCAL enable_hashjoin = on');
      add(sql.deleteEqual);
      add('SET LOCAL enable_hashjoin = off');
    }
    if (upserts.length > 0 && isDirect(target)) load(copyInto(target, 'binary'), upserts);
    else if (upserts.length > 0) {
      load(sql.copy('rows'), upserts);
      add(sql.insert);
    }
    return list;
  }

  if (deletes.length > 0) load(sql.copy('deletes'), toKeyRows(deletes, relation.key.length));
  if (target.method === 'merge') {
    if (deletes.length > 0) add(sql.deleteKeys);
    if (fresh > 0) load(copyInto(target, 'binary'), upserts.slice(0, fresh));
    if (upserts.length > fresh) {
      load(sql.copy('rows'), upserts.slice(fresh));
      add(sql.insert);
    }
    if (partial.length > 0) {
      load(sql.copy('masked'), toMaskedRows(partial));
      add(sql.update);
    }
    return list;
  }

  if (upserts.length > 0) load(sql.copy('rows'), upserts);
  if (partial.length > 0) {
    load(sql.copy('masked'), toMaskedRows(partial));
    add(sql.complete);
  }
  if (deletes.length > 0) add(sql.deleteKeys);
  if (upserts.length + partial.length > 0) {
    add(sql.deleteRows);
    add(sql.insert);
  }
  return list;
}

export function toMoveStatements(move: Move, target: WriteTarget, staging: Staging): Statement[] {
  const sql = staging.statementsOf(target);
  const namespace = target.name.namespace;
  const load = (text: string, rows: Iterable<Buffer>): Statement => ({
    sql: text,
    copy: { messages: toCopyMessages(rows), whole: true },
    namespace,
  });
  return [
    load(sql.copy('masked'), [toMaskedRow(move.row)]),
    load(sql.copy('deletes'), toKeyRows([move.key], target.key.length)),
    { sql: sql.completeMoved, namespace },
    { sql: sql.deleteKeys, namespace },
    ...(target.method === 'replace' ? [{ sql: sql.deleteRows, namespace }] : []),
    { sql: sql.insert, namespace },
  ];
}

export function copyInto(target: WriteTarget, format: 'binary' | 'text'): string {
  const names = target.columns.map((column) => column.name).join(', ');
  return `COPY ${target.name.sql} (${names}) FROM STDIN (FORMAT ${format})`;
}

/** Rows that are only ever added and need no cast go into the table as they came. */
function isDirect(target: WriteTarget): boolean {
  return target.key.length === 0 && isBinary(target);
}

/** Rows come as the table's own types. */
export function isBinary({ columns }: WriteTarget): boolean {
  return columns.every(({ encoding }) => encoding === 'binary');
}

function refuseUnmatched(changes: NetChanges, target: WriteTarget): void {
  const lost =
    changes.partial.length > 0 || (target.method === 'append' && changes.deletes.length > 0);
  if (lost)
    throw new WeirError(
      'INTERNAL',
      `${changes.relation.namespace} has no key, yet there are changes that need one; nothing was written`,
    );
}
