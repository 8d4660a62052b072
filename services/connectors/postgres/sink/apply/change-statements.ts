import type { Move } from '../../../../../shared/state/quarantine/quarantine-target.ts';
import type { NetChanges } from '../../../../../shared/connector/sink.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { toCopyMessages, type CopyIn } from '../../connection/copy-in.ts';
import type { Staging } from '../session/staging-tables.ts';
import { toKeyRows, toMaskedRow, toMaskedRows } from '../session/tuple-rows.ts';
import { countingUnmet, meetsRows, type UnmetKind, type UnmetStep } from './unmet-changes.ts';
import type { StagingUse } from '../session/write-statements.ts';
import type { WriteTarget } from '../target/write-target.ts';

/** One statement of a script; COPYs bring their bytes. */
export interface Statement {
  sql: string;
  copy?: CopyIn;
  /** The target's table it writes, for messages. */
  namespace?: string;
}

/** A row that gets a new key, some of its columns unchanged: see `Barrier`. */
/** `fresh`: how many of the upserts, the first ones, go into the table as they are: see `InsertFastPath`. */
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
  step?: UnmetStep,
): Statement[] {
  const { upserts, partial, deletes, relation, passed = 0 } = changes;
  const sql = staging.statementsOf(target);
  const namespace = target.name.namespace;
  const list: Statement[] = [];
  const add = (text: string): void => void list.push({ sql: text, namespace });
  const isCounted = step !== undefined && meetsRows(relation);
  const counting = (text: string, kind: UnmetKind, count: string, returning?: string): void =>
    add(isCounted ? countingUnmet(text, relation.namespace, step, kind, count, returning) : text);
  /** A statement that should touch so many rows at least. */
  const touching = (text: string, kind: UnmetKind, rows: number): void =>
    counting(text, kind, `SELECT ${rows} - count(*) AS n FROM done`);
  const load = (text: string, rows: Iterable<Buffer>): void =>
    void list.push({ sql: text, copy: { messages: toCopyMessages(rows), whole: true }, namespace });

  if (target.key.length === 0) {
    refuseUnmatched(changes, target);
    if (deletes.length > 0) {
      load(sql.copy('deletes'), deletes);
      // The whole table is compared with the batch: here a hash join is the plan to have.
      add('SET LOCAL enable_hashjoin = on');
      touching(sql.deleteEqual, 'deletes', deletes.length);
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
    if (deletes.length > 0) touching(sql.deleteKeys, 'deletes', deletes.length - passed);
    if (fresh > 0) load(copyInto(target, 'binary'), upserts.slice(0, fresh));
    if (upserts.length > fresh) {
      load(sql.copy('rows'), upserts.slice(fresh));
      const news = Math.max(0, (changes.fresh ?? 0) - fresh);
      // Of a partitioned table what was inserted does not tell whether it was there.
      if (target.rows === target.name.sql)
        counting(
          sql.insert,
          'updates',
          `SELECT ${upserts.length - fresh - news} - (${sql.there}) AS n`,
        );
      else
        counting(
          sql.insert,
          'updates',
          `SELECT count(*) FILTER (WHERE came) - ${news} AS n FROM done`,
          'xmax = 0 AS came',
        );
    }
    if (partial.length > 0) {
      load(sql.copy('masked'), toMaskedRows(partial));
      touching(sql.update, 'updates', partial.length);
    }
    return list;
  }

  if (upserts.length > 0) load(sql.copy('rows'), upserts);
  if (partial.length > 0) {
    load(sql.copy('masked'), toMaskedRows(partial));
    add(sql.complete);
  }
  if (deletes.length > 0) touching(sql.deleteKeys, 'deletes', deletes.length - passed);
  if (upserts.length + partial.length > 0) {
    const expected = upserts.length - (changes.fresh ?? 0) + partial.length;
    touching(sql.deleteRows, 'updates', expected);
    add(sql.insert);
  }
  return list;
}

/** `counted`: the namespace, where a row that is not there is to be counted. */
export function toMoveStatements(
  move: Move,
  target: WriteTarget,
  staging: Staging,
  counted?: { namespace: string; step: UnmetStep },
): Statement[] {
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
    {
      sql:
        counted === undefined
          ? sql.completeMoved
          : countingUnmet(
              sql.completeMoved,
              counted.namespace,
              counted.step,
              'updates',
              'SELECT 1 - count(*) AS n FROM done',
            ),
      namespace,
    },
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
