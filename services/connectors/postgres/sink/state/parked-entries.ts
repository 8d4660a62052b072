import type { ClientBase, QueryResultRow } from 'pg';
import type { ParkedSelection } from '../../../../../shared/connector/parking.ts';
import { nameOf } from '../../../../../shared/state/quarantine/change-unit.ts';
import type {
  ParkedEntries,
  ParkedSet,
} from '../../../../../shared/state/quarantine/parked-entries.ts';
import type { ParkedRecord } from '../../../../../shared/state/records.ts';
import { selectList, toRecord } from './state-statements.ts';

/** The parked entries of a pipeline, read by a connection that the caller has for as long as this is used. */
export function parkedEntries(client: ClientBase, pipeline: string): ParkedEntries {
  const rows = async <Row extends QueryResultRow>(
    sql: string,
    ...values: unknown[]
  ): Promise<Row[]> => (await client.query<Row>(sql, [pipeline, ...values])).rows;
  return {
    /** The least and the most: an index has both. */
    async shapes(source) {
      const [row] = await rows<{ least: string | null; most: string | null }>(
        `SELECT min(shape) AS least, max(shape) AS most FROM weir.parked WHERE pipeline = $1 AND ${ofNamespace('$2')}`,
        source,
      );
      return new Set([row!.least, row!.most].filter((shape) => shape !== null));
    },
    async among(chains) {
      const found = await rows<{ chain: Buffer }>(
        `SELECT chain FROM weir.parked WHERE pipeline = $1 AND chain = ANY($2::bytea[])
         UNION SELECT also FROM weir.parked WHERE pipeline = $1 AND also = ANY($2::bytea[])`,
        chains,
      );
      return new Set(found.map(({ chain }) => nameOf(chain)));
    },
    async read({ selection, wholeChains, after, until, limit, maxBytes, failed }) {
      const { sql, value } = wholeChains ? ofWholeChains(selection) : inSet(selection, '$3', 'p.');
      const steps = failed === true ? ' AND source IS NOT NULL' : '';
      const found = await rows(
        `SELECT * FROM (
           SELECT *, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM (
             SELECT ${selectList('parked')}, COALESCE(octet_length(tuple), 0) AS bytes FROM weir.parked p
             WHERE pipeline = $1 AND id > $2 AND id <= $4 AND ${sql}${steps} ORDER BY id LIMIT ${limit}) chosen) page
         WHERE before < ${maxBytes} ORDER BY id`,
        after,
        value,
        until ?? Number.MAX_SAFE_INTEGER,
      );
      return found.map(({ before: _, bytes: __, ...row }) => toRecord<ParkedRecord>('parked', row));
    },
    async count(selection) {
      const { sql, value } = inSet(selection, '$2');
      const [row] = await rows<{ n: number }>(
        `SELECT count(*)::int AS n FROM weir.parked WHERE pipeline = $1 AND ${sql}`,
        value,
      );
      return row!.n;
    },
    async lastId() {
      const [row] = await rows<{ id: string }>(
        'SELECT COALESCE(max(id), 0) AS id FROM weir.parked WHERE pipeline = $1',
      );
      return Number(row!.id);
    },
    async outside({ chains, namespaces, before, ids }) {
      const found = await rows<{ chain: Buffer; tied: boolean }>(
        `SELECT chain, bool_or(tied) AS tied FROM (
           SELECT chain, also IS NOT NULL AS tied FROM weir.parked
           WHERE pipeline = $1 AND chain = ANY($2::bytea[]) AND id < $3 AND id <> ALL($4::bigint[])
           UNION ALL SELECT also, true FROM weir.parked
           WHERE pipeline = $1 AND also = ANY($2::bytea[]) AND id < $3 AND id <> ALL($4::bigint[])) c GROUP BY chain`,
        chains,
        before,
        ids,
      );
      const shapes = await rows<{ namespace: string; shape: string }>(
        `SELECT DISTINCT namespace, shape FROM weir.parked
         WHERE pipeline = $1 AND namespace = ANY($2::text[]) AND id < $3 AND id <> ALL($4::bigint[])`,
        namespaces,
        before,
        ids,
      );
      return { chains: found, shapes };
    },
    async firstBehind(chains, after, until) {
      const found = await rows<{ id: string }>(
        `SELECT DISTINCT ON (chain) id FROM weir.parked
         WHERE pipeline = $1 AND id > $2 AND id <= $4 AND chain = ANY($3::bytea[]) ORDER BY chain, id`,
        after,
        chains,
        until,
      );
      return found.map(({ id }) => Number(id));
    },
  };
}

/** Entries of a namespace of the source, wherever its rows go. */
function ofNamespace(value: string): string {
  return `(namespace = ${value} OR starts_with(namespace, ${value} || ' > '))`;
}

/** The part of a WHERE that a set stands for, its value being this parameter. */
export function inSet(
  set: Exclude<ParkedSet, { kind: 'done' }>,
  parameter: string,
  of = '',
): { sql: string; value: unknown } {
  switch (set.kind) {
    case 'all':
      return { sql: `${parameter}::text IS NULL`, value: null };
    case 'namespace':
      return { sql: ofNamespace(`${parameter}::text`), value: set.namespace };
    case 'ids':
      return { sql: `${of}id = ANY(${parameter}::bigint[])`, value: set.ids };
    case 'namespaces':
      return { sql: `namespace = ANY(${parameter}::text[])`, value: set.namespaces };
  }
}

function ofWholeChains(selection: ParkedSelection): { sql: string; value: unknown } {
  const { sql, value } = inSet(selection, '$3', 'p.');
  if (selection.kind !== 'ids') return { sql, value };
  return {
    sql: `(${sql} OR EXISTS (SELECT 1 FROM weir.parked s WHERE s.pipeline = p.pipeline AND s.id = ANY($3::bigint[])
      AND (s.chain IN (p.chain, p.also) OR s.also IN (p.chain, p.also))))`,
    value,
  };
}

/** Of a pipeline that has no table of them. */
export const NOTHING_PARKED: ParkedEntries = {
  shapes: () => Promise.resolve(new Set()),
  among: () => Promise.resolve(new Set()),
  read: () => Promise.resolve([]),
  count: () => Promise.resolve(0),
  lastId: () => Promise.resolve(0),
  outside: () => Promise.resolve({ chains: [], shapes: [] }),
  firstBehind: () => Promise.resolve([]),
};
