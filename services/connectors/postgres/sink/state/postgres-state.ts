import type { ClientBase, QueryResultRow } from 'pg';
import type { ParkedCounts } from '../../../../../shared/connector/parking.ts';
import type { ChangeCounts } from '../../../../../shared/change/change-counts.ts';
import type {
  ChunkRecord,
  LaneRecord,
  PipelineRecord,
} from '../../../../../shared/state/records.ts';
import type {
  Planned,
  Standing,
  StatePart,
  StateParts,
  StateStore,
} from '../../../../../shared/state/state-store.ts';
import type { StateChange, StateStep } from '../../../../../shared/state/state-step.ts';
import type { ParkedEntries } from '../../../../../shared/state/quarantine/parked-entries.ts';
import { beginWithRows } from './row-lock-takeover.ts';
import { changeParked, holdLanes } from './parked-changes.ts';
import type { ParkedChange } from './parked-change.ts';
import { parkedEntries } from './parked-entries.ts';
import { QueryValues } from '../../connection/query-values.ts';
import { selectList, sumStatement, toRecord, toStatement } from './state-statements.ts';
import {
  dropState,
  ensureStateTables,
  openStateTables,
  findStateTables,
  seeAsThisVersion,
} from './state-tables.ts';
import { mayLoseRows } from '../target/target-table.ts';

const PIPELINE = `SELECT ${selectList('pipeline')} FROM weir.pipeline WHERE name = $1`;

const LANES = `SELECT ${selectList('lane')} FROM weir.lane WHERE pipeline = $1 ORDER BY lane`;

const CHUNK = `SELECT ${selectList('chunk')} FROM weir.chunk WHERE pipeline = $1 AND id = $2`;

const STANDINGS = `
SELECT namespace, settled, ready, linked, NOT ready AND EXISTS (
  SELECT 1 FROM weir.chunk c
  WHERE c.pipeline = n.pipeline AND c.namespace = n.namespace AND NOT c.done) AS pending
FROM weir.namespace n WHERE pipeline = $1`;

const PLANNED = `
SELECT n.namespace, n.relation, n.definition, n.start, n.settled, n.ready,
  COALESCE(jsonb_agg(c.chunk ORDER BY c.id) FILTER (WHERE NOT c.done), '[]') AS chunks,
  count(c.id) FILTER (WHERE c.done) AS "chunksDone",
  COALESCE(sum(c.rows) FILTER (WHERE c.done), 0) AS "rowsDone",
  COALESCE(sum(c.filtered) FILTER (WHERE c.done), 0) AS "rowsFiltered"
FROM weir.namespace n LEFT JOIN weir.chunk c USING (pipeline, namespace)
WHERE n.pipeline = $1 GROUP BY n.pipeline, n.namespace ORDER BY n.namespace COLLATE "C"`;

const UNMET = `
SELECT namespace, 0 AS inserts, sum(updates) AS updates, sum(deletes) AS deletes, 0 AS truncates
FROM weir.unmet WHERE pipeline = $1 GROUP BY namespace`;

/**
 * Where rows are left out in flight, a change of one that is not there may be right; and where whole transactions are
 * applied with constraints and triggers enforced, the target may have taken a row before its delete comes, and what puts
 * a row into its own place (GENERATED ALWAYS outside of the key) does not tell whether it was there.
 */
const UNMET_UNKNOWN = `
SELECT n.namespace FROM weir.namespace n JOIN weir.pipeline p ON p.name = n.pipeline
WHERE n.pipeline = $1 AND (n.relation @> '{"sparse": true}'
  OR (p.ordering = 'transaction' AND n.relation ->> 'identity' <> 'none' AND (${mayLoseRows("(n.target ->> 'oid')::oid")}
    OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = (n.target ->> 'oid')::oid AND a.attidentity = 'a'
      AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(n.relation -> 'key') k
        WHERE n.relation -> 'columns' -> k::int ->> 'name' = a.attname)))))`;

const PARKED = `
SELECT namespace, count(*) AS entries, count(*) FILTER (WHERE copied) AS rows, sum(inserts) AS inserts,
  sum(updates) AS updates, sum(deletes) AS deletes, 0 AS truncates
FROM weir.parked WHERE pipeline = $1 GROUP BY namespace`;

const DISCARDED = `
SELECT namespace, inserts, updates, deletes, truncates FROM weir.discarded WHERE pipeline = $1`;

/**
 * A pipeline's state in the schema `weir` of the target, over a connection that the caller has for as long as this is
 * used. What moves in the transaction of the data is committed there: see `commitWithin` and `lane-progress.ts`.
 */
export class PostgresState implements StateStore {
  readonly #client: ClientBase;
  readonly #pipeline: string;
  readonly #keepsStoredForm: boolean;
  /** The tables are known to be there. */
  #found: boolean;

  /** `keepsStoredForm`: see `SinkOptions`. */
  constructor(client: ClientBase, pipeline: string, found = false, keepsStoredForm = false) {
    this.#client = client;
    this.#pipeline = pipeline;
    this.#found = found;
    this.#keepsStoredForm = keepsStoredForm;
  }

  async read<P extends StatePart>(...parts: P[]): Promise<Pick<StateParts, P>> {
    const read: Partial<StateParts> = {};
    const isEarlier = this.#keepsStoredForm && (await findStateTables(this.#client)) === 'earlier';
    if (!isEarlier) this.#found ||= await openStateTables(this.#client);
    const [only, ...others] = parts;
    // One statement is of one moment by itself.
    if (isEarlier)
      await this.#inOneSnapshot(async () => {
        await seeAsThisVersion(this.#client);
        for (const part of parts) read[part] = await this.#readPart(part);
      }, 'READ WRITE');
    else if (!this.#found) for (const part of parts) read[part] = NOTHING[part];
    else if (only !== undefined && others.length === 0 && only !== 'sums')
      read[only] = await this.#readPart(only);
    else
      await this.#inOneSnapshot(async () => {
        for (const part of parts) read[part] = await this.#readPart(part);
      });
    return read as Pick<StateParts, P>;
  }

  async readChunk(id: number): Promise<ChunkRecord | null> {
    const [row] = await this.#rows(CHUNK, [id]);
    return row === undefined ? null : toRecord('chunk', row);
  }

  async commit(step: StateStep): Promise<boolean> {
    const [first, ...others] = step;
    if (first === undefined) return true;
    if (others.length === 0 && !isTaken(first))
      return commitWithin(this.#client, this.#pipeline, step);
    await this.#begin(step.find(isTaken));
    const done = await commitWithin(this.#client, this.#pipeline, step);
    await this.#client.query(done ? 'COMMIT' : 'ROLLBACK');
    return done;
  }

  get parked(): ParkedEntries {
    return parkedEntries(this.#client, this.#pipeline);
  }

  prepare(): Promise<void> {
    return ensureStateTables(this.#client);
  }

  async clock(): Promise<number> {
    const sql = 'SELECT extract(epoch FROM clock_timestamp())::bigint AS now';
    const { rows } = await this.#client.query<{ now: string }>(sql);
    return Number(rows[0]!.now);
  }

  reset(): Promise<void> {
    return dropState(this.#client, this.#pipeline);
  }

  async #begin(taken: StateChange | undefined): Promise<void> {
    if (taken?.kind !== 'update' || taken.table !== 'lane') {
      await this.#client.query('BEGIN');
      return;
    }
    await beginWithRows(this.#client, {
      table: 'weir.lane',
      columns: 'lane',
      where: 'r.pipeline = $1 AND r.lane = $2',
      values: [this.#pipeline, taken.key.lane],
    });
  }

  async #readPart<P extends StatePart>(part: P): Promise<StateParts[P]> {
    return READ[part]((sql) => this.#rows(sql));
  }

  async #rows(sql: string, more: unknown[] = []): Promise<QueryResultRow[]> {
    const { rows } = await this.#client.query<QueryResultRow>(sql, [this.#pipeline, ...more]);
    return rows;
  }

  async #inOneSnapshot(read: () => Promise<void>, access = 'READ ONLY'): Promise<void> {
    await this.#client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ ${access}`);
    try {
      await read();
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }
}

/** Does a step in the open transaction; false where something that it expects does not hold: it is to be rolled back. */
export async function commitWithin(
  client: ClientBase,
  pipeline: string,
  step: StateStep,
): Promise<boolean> {
  // In order, and before a row of one is changed.
  if (step.some(({ kind }) => kind === 'mark')) await client.query(holdLanes(pipeline));
  for (const change of step) {
    if (isOfParked(change)) {
      if (!(await changeParked(client, pipeline, change))) return false;
      continue;
    }
    const values = new QueryValues();
    const sql = toStatement(pipeline, change, values.put);
    const { rowCount } = await client.query(sql, values.list);
    const expects = change.kind === 'update' || change.kind === 'insert';
    if (expects && rowCount !== 1) return false;
  }
  return true;
}

function isOfParked(change: StateChange): change is ParkedChange {
  const { kind } = change;
  return kind === 'park' || kind === 'settle' || kind === 'explain' || kind === 'mark';
}

function isTaken(change: StateChange): boolean {
  return change.kind === 'update' && change.takes === true;
}

type Rows = (sql: string) => Promise<QueryResultRow[]>;

const READ: { readonly [P in StatePart]: (rows: Rows) => Promise<StateParts[P]> } = {
  async pipeline(rows) {
    const [row] = await rows(PIPELINE);
    return row === undefined ? null : toRecord<PipelineRecord>('pipeline', row);
  },
  lanes: async (rows) => (await rows(LANES)).map((row) => toRecord<LaneRecord>('lane', row)),
  standings: (rows) => rows(STANDINGS) as Promise<Standing[]>,
  planned: async (rows) =>
    (await rows(PLANNED)).map(
      (row) =>
        ({
          ...row,
          chunksDone: Number(row['chunksDone']),
          rowsDone: Number(row['rowsDone']),
          rowsFiltered: Number(row['rowsFiltered']),
        }) as Planned,
    ),
  sums: async (rows) => ({
    applied: toSums<ChangeCounts>(await rows(sumStatement('count'))),
    parked: toSums<ParkedCounts>(await rows(PARKED)),
    discarded: toSums<ChangeCounts>(await rows(DISCARDED)),
    filtered: toSums<ChangeCounts>(await rows(sumStatement('filtered'))),
    unmet: toSums<ChangeCounts>(await rows(UNMET)),
    unmetUnknown: (await rows(UNMET_UNKNOWN)).map(({ namespace }) => String(namespace)),
  }),
};

const NOTHING: StateParts = {
  pipeline: null,
  lanes: [],
  standings: [],
  planned: [],
  sums: { applied: {}, filtered: {}, parked: {}, discarded: {} },
};

function toSums<Counts extends ChangeCounts>(
  rows: readonly QueryResultRow[],
): Record<string, Counts> {
  return Object.fromEntries(
    rows.map(({ namespace, ...counts }) => [
      namespace as string,
      Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, Number(n)])) as never,
    ]),
  );
}
