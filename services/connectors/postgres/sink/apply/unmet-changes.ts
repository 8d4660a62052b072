import type { Relation } from '../../../../../shared/change/relation.ts';
import type { LaneBatch } from '../../../../../shared/connector/sink.ts';
import { asLiteral, toTextValue } from '../../connection/parameters.ts';
import type { BoundRow, RowStatement } from '../../connection/bound-statement.ts';

/**
 * Counting of what met no row at the target: updates and deletes of rows that it does not have, which are dropped or
 * become inserts. The statement that finds it adds it to the lane's count, in the transaction of the data, and writes
 * nothing where every row was there.
 *
 * Only once a namespace is ready and past its `settled`: before, changes are applied of rows that missing chunks of an
 * interrupted copy hold.
 */
export interface UnmetStep {
  pipeline: string;
  lane: number;
  position: string;
}

export type UnmetKind = 'updates' | 'deletes';

export function unmetStep(pipeline: string, batch: Pick<LaneBatch, 'before' | 'after'>): UnmetStep {
  return { pipeline, lane: batch.before.lane, position: batch.after.position };
}

/** Whether the target has every row that the source has: not where rows are left out, or where nothing tells them apart. */
export function meetsRows({ identity, sparse }: Relation): boolean {
  return identity !== 'none' && sparse !== true;
}

/** `count` is a query of how many rows were missing, as `n`; of what `sql` returns by `returning` it sees `done`. */
export function countingUnmet(
  sql: string,
  namespace: string,
  step: UnmetStep,
  kind: UnmetKind,
  count: string,
  returning = '1',
): string {
  const lane = asLiteral(step.lane, 'integer');
  return `WITH done AS (${sql} RETURNING ${returning}), unmet AS (${count}) ${addUnmet(step.pipeline, lane, namespace, asLiteral(step.position, 'text'), kind)}`;
}

/** Where it is known already how many. */
export function countUnmet(
  namespace: string,
  { pipeline, lane, position }: UnmetStep,
  kind: UnmetKind,
  n: number,
): string {
  const [number, at] = [asLiteral(lane, 'integer'), asLiteral(position, 'text')];
  return `WITH unmet AS (SELECT ${n} AS n) ${addUnmet(pipeline, number, namespace, at, kind)}`;
}

function addUnmet(
  pipeline: string,
  lane: string,
  namespace: string,
  position: string,
  kind: UnmetKind,
): string {
  const numbers = kind === 'updates' ? 'unmet.n, 0' : '0, unmet.n';
  const [ofPipeline, ofNamespace] = [asLiteral(pipeline, 'text'), asLiteral(namespace, 'text')];
  return `INSERT INTO weir.unmet AS u (pipeline, lane, namespace, updates, deletes) SELECT ${ofPipeline}, ${lane}, ${ofNamespace}, ${numbers} FROM unmet WHERE unmet.n > 0 AND EXISTS (SELECT 1 FROM weir.namespace w WHERE w.pipeline = ${ofPipeline} AND w.namespace = ${ofNamespace} AND w.ready AND w.settled < ${position}) ON CONFLICT (pipeline, lane, namespace) DO UPDATE SET updates = u.updates + excluded.updates, deletes = u.deletes + excluded.deletes`;
}

/** By what is counted for which namespace of which pipeline; a statement lives as long as its shape. */
const counted = new WeakMap<RowStatement, Map<string, RowStatement>>();

/** The same for a statement about one row: lane and position are its last parameters, so that it is prepared once. */
export function countingUnmetRow(
  { statement, values }: BoundRow,
  namespace: string,
  { pipeline, lane, position }: UnmetStep,
  kind: UnmetKind,
): BoundRow {
  const all = counted.get(statement) ?? new Map<string, RowStatement>();
  counted.set(statement, all);
  const name = JSON.stringify([pipeline, namespace, kind]);
  let made = all.get(name);
  if (made === undefined) {
    const { sql, encodings, there } = statement;
    const n = encodings.length;
    const had = there === undefined ? 'count(*)' : `(SELECT count(*) FROM ${there})`;
    made = {
      sql: `WITH done AS (${sql} RETURNING 1), unmet AS (SELECT 1 - ${had} AS n FROM done) ${addUnmet(pipeline, `$${n + 1}::integer`, namespace, `$${n + 2}::text`, kind)}`,
      encodings: [...encodings, 'text', 'text'],
    };
    all.set(name, made);
  }
  return { statement: made, values: [...values, toTextValue(String(lane)), toTextValue(position)] };
}
