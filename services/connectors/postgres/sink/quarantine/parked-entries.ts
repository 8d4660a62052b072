import type { ClientBase } from 'pg';
import { sourceOf } from '../../../../../shared/change/namespace-part.ts';
import type { Relation } from '../../../../../shared/change/relation.ts';
import { quoteLiteral } from '../../connection/names.ts';
import { nameOf, shapeOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import type { Aside } from '../../../../../shared/state/quarantine/aside.ts';
import { ADD_COUNTS } from '../state/state-statements.ts';

const SLICE_BYTES = 1 << 20;
const SLICE_ROWS = 500;

const INSERT = `
INSERT INTO weir.parked (pipeline, namespace, relation, shape, chain, also, kind, key, tuple, copied, position,
  inserts, updates, deletes, reason, source)
SELECT $1, $2, $3::jsonb, e.shape, e.chain, e.also, e.kind, e.key, e.tuple, e.copied, e.position,
  e.inserts, e.updates, e.deletes, e.reason, e.source::jsonb
FROM unnest($4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::bytea[], $9::bytea[], $10::boolean[], $11::text[],
  $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::text[]) WITH ORDINALITY
  AS e(shape, chain, also, kind, key, tuple, copied, position, inserts, updates, deletes, reason, source, n) ORDER BY e.n`;

/** Puts entries aside, in their order; the lane of their keys is held. */
export async function putAside(
  client: ClientBase,
  pipeline: string,
  entries: readonly Aside[],
): Promise<void> {
  for (let from = 0; from < entries.length;) {
    const { relation } = entries[from]!;
    let to = from;
    for (let bytes = 0; to < entries.length && to - from < SLICE_ROWS; to++) {
      const entry = entries[to]!;
      bytes += entry.tuple?.length ?? 0;
      if (entry.relation !== relation || (to > from && bytes > SLICE_BYTES)) break;
    }
    const some = entries.slice(from, to);
    await client.query(INSERT, [
      pipeline,
      relation.namespace,
      JSON.stringify(relation),
      some.map((each) => shapeOfEntry(each)),
      some.map((each) => each.chain),
      some.map((each) => each.also),
      some.map((each) => each.kind),
      some.map((each) => each.key),
      some.map((each) => each.tuple),
      some.map((each) => each.copied),
      some.map((each) => each.position),
      some.map((each) => each.counts.inserts),
      some.map((each) => each.counts.updates),
      some.map((each) => each.counts.deletes),
      some.map((each) => each.reason),
      some.map((each) => each.source && JSON.stringify(each.source)),
    ]);
    from = to;
  }
}

/** Rows that all their values tell apart have no key before the steps: whatever comes waits behind such a one. */
function shapeOfEntry({ relation, source, shape }: Aside): string {
  if (shape !== undefined) return shape;
  return source !== null && relation.identity === 'row' ? 'before the steps' : shapeOf(relation);
}

/** Entries of the namespace `$2` of the source, wherever its rows go. */
export const OF_NAMESPACE = `(namespace = $2 OR starts_with(namespace, $2 || ' > '))`;

/** What of a namespace is parked: nothing, keys that compare with the relation's, or others, behind which all waits. */
export async function parkedOf(
  client: ClientBase,
  pipeline: string,
  relation: Relation,
): Promise<'nothing' | 'some' | 'incomparable'> {
  const { rows } = await client.query<{ least: string | null; most: string | null }>(
    `SELECT min(shape) AS least, max(shape) AS most FROM weir.parked WHERE pipeline = $1 AND ${OF_NAMESPACE}`,
    [pipeline, sourceOf(relation.namespace)],
  );
  const { least, most } = rows[0]!;
  if (least === null) return 'nothing';
  const shape = shapeOf(relation);
  return least === shape && most === shape ? 'some' : 'incomparable';
}

/** Which of these chains have parked entries: their names. */
export async function parkedAmong(
  client: ClientBase,
  pipeline: string,
  chains: readonly Buffer[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ chain: Buffer }>(
    `SELECT chain FROM weir.parked WHERE pipeline = $1 AND chain = ANY($2::bytea[])
     UNION SELECT also FROM weir.parked WHERE pipeline = $1 AND also = ANY($2::bytea[])`,
    [pipeline, chains],
  );
  return new Set(rows.map((row) => nameOf(row.chain)));
}

/** Holds all lanes of the pipeline until the transaction ends; taken in order, and before anything else is held. */
export function holdLanes(pipeline: string): string {
  return `DO ${quoteLiteral(`BEGIN PERFORM 1 FROM weir.lane WHERE pipeline = ${quoteLiteral(pipeline)} ORDER BY lane FOR UPDATE; END`)}`;
}

/** The same for a person's command, which gives up where a lane does not come to an end soon. */
export function holdLanesPatiently(pipeline: string): string {
  return `SET LOCAL lock_timeout = '15s'; ${holdLanes(pipeline)}; SET LOCAL lock_timeout = 0`;
}

/** All lanes are held. */
export function markParked(pipeline: string): string {
  return `UPDATE weir.lane SET parked = true WHERE pipeline = ${quoteLiteral(pipeline)} AND NOT parked`;
}

/** Lanes that a plan has just made have the mark of the others. */
export function markNewLanes(pipeline: string): string {
  return `${markParked(pipeline)} AND EXISTS (SELECT 1 FROM weir.parked WHERE pipeline = ${quoteLiteral(pipeline)})`;
}

/** All lanes are held. */
export function clearMark(pipeline: string): string {
  const name = quoteLiteral(pipeline);
  return `UPDATE weir.lane SET parked = false WHERE pipeline = ${name} AND parked AND NOT EXISTS (SELECT 1 FROM weir.parked WHERE pipeline = ${name})`;
}

/** Takes entries out; what they stand for counts as applied from now on. */
export function settleParked(pipeline: string, where: string): string {
  return `WITH gone AS (DELETE FROM weir.parked WHERE pipeline = ${quoteLiteral(pipeline)} AND ${where} RETURNING namespace, inserts, updates, deletes)
INSERT INTO weir.count AS c (pipeline, lane, namespace, inserts, updates, deletes, truncates)
SELECT ${quoteLiteral(pipeline)}, 0, namespace, sum(inserts), sum(updates), sum(deletes), 0 FROM gone GROUP BY namespace ${ADD_COUNTS}`;
}

/** A truncate empties what is parked of a namespace, too: it would have been in the table. */
export function truncateParked(pipeline: string, namespaces: readonly string[]): string[] {
  if (namespaces.length === 0) return [];
  const list = namespaces.map(quoteLiteral).join(', ');
  return [
    holdLanes(pipeline),
    settleParked(pipeline, `namespace IN (${list})`),
    clearMark(pipeline),
  ];
}
