import type { ParkedChange } from './parked-change.ts';
import type { ClientBase } from 'pg';
import type { Mark, NewParked, Settle } from '../../../../../shared/state/state-step.ts';
import { quoteLiteral } from '../../connection/names.ts';
import { inSet } from './parked-entries.ts';
import { ADD_COUNTS } from './state-statements.ts';

/** Does one in the open transaction; false where what it expects does not hold. */
export async function changeParked(
  client: ClientBase,
  pipeline: string,
  change: ParkedChange,
): Promise<boolean> {
  switch (change.kind) {
    case 'park':
      await park(client, pipeline, change.entries);
      return true;
    case 'settle': {
      const { sql, values } = settleStatement(pipeline, change);
      const { rowCount } = await client.query(sql, values);
      return rowCount! >= (change.least ?? 0);
    }
    case 'explain':
      await client.query(
        `UPDATE weir.parked p SET reason = r.reason FROM unnest($1::bigint[], $2::text[]) r (id, reason) WHERE p.id = r.id`,
        [[...change.reasons.keys()], [...change.reasons.values()]],
      );
      return true;
    case 'mark':
      await client.query(markStatement(pipeline, change));
      return true;
  }
}

/**
 * Holds all lanes of the pipeline until the transaction ends; taken in order, and before anything else is held. So must
 * whoever changes what the lanes say of parked entries.
 */
export function holdLanes(pipeline: string): string {
  return `DO ${quoteLiteral(`BEGIN PERFORM 1 FROM weir.lane WHERE pipeline = ${quoteLiteral(pipeline)} ORDER BY lane FOR UPDATE; END`)}`;
}

/** The same for a person's command, which gives up where a lane does not come to an end soon. */
export function holdLanesPatiently(pipeline: string): string {
  return `SET LOCAL lock_timeout = '15s'; ${holdLanes(pipeline)}; SET LOCAL lock_timeout = 0`;
}

function markStatement(pipeline: string, { parked }: Mark): string {
  const lanes = `pipeline = ${quoteLiteral(pipeline)}`;
  if (parked === 'yes') return `UPDATE weir.lane SET parked = true WHERE ${lanes} AND NOT parked`;
  const found = `EXISTS (SELECT 1 FROM weir.parked WHERE ${lanes})`;
  return `UPDATE weir.lane SET parked = NOT parked WHERE ${lanes} AND parked <> ${found}`;
}

/** It returns a row for each entry that is gone. */
function settleStatement(
  pipeline: string,
  { entries, as }: Settle,
): { sql: string; values: unknown[] } {
  const { sql, values } =
    entries.kind === 'done'
      ? {
          sql: `(id = ANY($2::bigint[]) OR EXISTS (SELECT FROM unnest($3::bytea[], $4::bigint[]) o (chain, up_to) WHERE o.chain = p.chain AND p.id <= o.up_to))`,
          values: [
            entries.ids,
            entries.overtaken.map(({ chain }) => chain),
            entries.overtaken.map(({ upTo }) => upTo),
          ],
        }
      : withValue(inSet(entries, '$2'));
  const { gone, counted } = takeOut('$1::text', sql, as);
  return {
    sql: `WITH ${gone}, counted AS (${counted}) SELECT id FROM gone`,
    values: [pipeline, ...values],
  };
}

/** Returns what takes entries out, as part of a WITH, and what counts them. */
function takeOut(
  pipeline: string,
  where: string,
  as: Settle['as'],
): { gone: string; counted: string } {
  const gone = `gone AS (DELETE FROM weir.parked p WHERE pipeline = ${pipeline} AND ${where} RETURNING id, namespace, inserts, updates, deletes)`;
  const counted =
    as === 'applied'
      ? `INSERT INTO weir.count AS c (pipeline, lane, namespace, inserts, updates, deletes, truncates)
         SELECT ${pipeline}, 0, namespace, sum(inserts), sum(updates), sum(deletes), 0 FROM gone GROUP BY namespace ${ADD_COUNTS}`
      : `INSERT INTO weir.discarded AS d (pipeline, namespace, inserts, updates, deletes, truncates)
         SELECT ${pipeline}, namespace, sum(inserts), sum(updates), sum(deletes), 0 FROM gone GROUP BY namespace
         ON CONFLICT (pipeline, namespace) DO UPDATE SET inserts = d.inserts + excluded.inserts,
           updates = d.updates + excluded.updates, deletes = d.deletes + excluded.deletes`;
  return { gone, counted };
}

/** What `settleNamespaces` does, as statements that are sent with others. */
export function emptyParked(pipeline: string, namespaces: readonly string[]): string[] {
  if (namespaces.length === 0) return [];
  const where = `namespace IN (${namespaces.map(quoteLiteral).join(', ')})`;
  const { gone, counted } = takeOut(quoteLiteral(pipeline), where, 'applied');
  return [
    holdLanes(pipeline),
    `WITH ${gone} ${counted}`,
    markStatement(pipeline, { kind: 'mark', parked: 'found' }),
  ];
}

function withValue({ sql, value }: { sql: string; value: unknown }) {
  return { sql, values: [value] };
}

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

/** Some at a time, of one relation each; the lane of their keys is held. */
async function park(
  client: ClientBase,
  pipeline: string,
  entries: readonly NewParked[],
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
      some.map((each) => each.shape),
      some.map((each) => each.chain),
      some.map((each) => each.also),
      some.map((each) => each.kind),
      some.map((each) => each.key),
      some.map((each) => each.tuple),
      some.map((each) => each.copied),
      some.map((each) => each.position),
      some.map((each) => each.inserts),
      some.map((each) => each.updates),
      some.map((each) => each.deletes),
      some.map((each) => each.reason),
      some.map((each) => each.source && JSON.stringify(each.source)),
    ]);
    from = to;
  }
}
