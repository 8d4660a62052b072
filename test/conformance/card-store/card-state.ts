import type { StateTables, Table } from './card-tables.ts';
import {
  addCounts,
  type ChunkRecord,
  STATE_TABLES,
  type StateRecords,
} from '../../../shared/state/records.ts';
import type { StatePart, StateParts, StateStore } from '../../../shared/state/state-store.ts';
import {
  holds,
  matches,
  type StateChange,
  type StateStep,
} from '../../../shared/state/state-step.ts';
import type { ParkedEntries } from '../../../shared/state/quarantine/parked-entries.ts';
import { parkedIndex } from '../../../shared/state/quarantine/parked-index.ts';
import type { CardDatabase } from './card-database.ts';
import { changeParked, fromWords, isOfParked, sumParked, toHead } from './card-parked.ts';

const NOTHING: StateTables = {
  pipeline: [],
  namespace: [],
  chunk: [],
  lane: [],
  count: {},
  filtered: {},
  discarded: {},
  parked: [],
  lastParked: 0,
};

/** The state in the same database as the cards: the least that a store has to do. */
export class CardState implements StateStore {
  readonly #database: CardDatabase;
  readonly #pipeline: string;
  /** In an open transaction of the cards. */
  readonly #within: boolean;

  constructor(database: CardDatabase, pipeline: string, within = false) {
    this.#database = database;
    this.#pipeline = pipeline;
    this.#within = within;
  }

  readonly parked: ParkedEntries = parkedIndex(
    () => Promise.resolve(this.#tables.parked.map(fromWords).map(toHead)),
    (heads) => Promise.resolve(heads.map(({ record }) => record)),
  );

  read<P extends StatePart>(..._parts: P[]): Promise<Pick<StateParts, P>> {
    const { pipeline, namespace, chunk, lane, count, filtered, discarded, parked } =
      structuredClone(this.#tables);
    const chunksOf = (name: string): ChunkRecord[] =>
      chunk.filter((each) => each.namespace === name).sort((a, b) => a.id - b.id);
    const all: StateParts = {
      pipeline: pipeline[0] ?? null,
      lanes: lane.sort((a, b) => a.lane - b.lane),
      standings: namespace.map(({ namespace: name, settled, ready, linked }) => {
        const pending = chunksOf(name).some(({ done }) => !done);
        return { namespace: name, settled, ready, linked, pending };
      }),
      planned: namespace.map(({ linked: _, ...each }) => {
        const chunks = chunksOf(each.namespace);
        const done = chunks.filter((one) => one.done);
        return {
          ...each,
          chunks: chunks.filter((one) => !one.done).map((one) => one.chunk),
          chunksDone: done.length,
          rowsDone: done.reduce((sum, { rows }) => sum + rows!, 0),
          rowsFiltered: done.reduce((sum, one) => sum + one.filtered, 0),
        };
      }),
      sums: { applied: count, filtered, discarded, parked: sumParked(parked.map(fromWords)) },
    };
    return Promise.resolve(all);
  }

  readChunk(id: number): Promise<ChunkRecord | null> {
    return Promise.resolve(this.#tables.chunk.find((each) => each.id === id) ?? null);
  }

  async commit(step: StateStep): Promise<boolean> {
    if (!this.#within)
      return this.#database.transaction(() =>
        new CardState(this.#database, this.#pipeline, true).commit(step),
      );
    const tables = structuredClone(this.#tables);
    if (!step.every((change) => applyChange(tables, change))) return false;
    this.#database.states.set(this.#pipeline, tables);
    return true;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  clock(): Promise<number> {
    return Promise.resolve(Math.floor(Date.now() / 1000));
  }

  async reset(): Promise<void> {
    await this.#database.transaction(() =>
      Promise.resolve(this.#database.states.delete(this.#pipeline)),
    );
  }

  get #tables(): StateTables {
    return this.#database.states.get(this.#pipeline) ?? structuredClone(NOTHING);
  }
}

/** False where something that it expects does not hold. */
function applyChange(tables: StateTables, change: StateChange): boolean {
  if (change.kind === 'add') {
    tables[change.table] = addCounts(tables[change.table], change.counts);
    return true;
  }
  if (isOfParked(change)) return changeParked(tables, change);
  if (change.table === 'parked') throw new Error('entries are parked in no other way');
  const rows: Partial<StateRecords[Table]>[] = tables[change.table];
  const key = STATE_TABLES[change.table].key as readonly string[];
  const keyOf = (row: object): object =>
    Object.fromEntries(Object.entries(row).filter(([column]) => key.includes(column)));
  switch (change.kind) {
    case 'insert':
      if (rows.some((row) => matches(row, keyOf(change.row)))) return false;
      rows.push(change.row);
      return true;
    case 'update': {
      const row = rows.find((each) => matches(each, change.key));
      if (row === undefined || !holds<object>(row, change)) return false;
      Object.assign(row, change.set);
      return true;
    }
    case 'put':
      for (const row of change.rows) {
        const there = rows.find((each) => matches(each, keyOf(row)));
        if (there === undefined) rows.push({ ...row });
        else if (change.keep === undefined || !matches<object>(there, change.keep))
          Object.assign(there, row);
      }
      return true;
    case 'remove': {
      const stays = (row: object): boolean =>
        !matches(row, change.where) ||
        Object.values(keyOf(row)).some((value) => change.except?.includes(value as number));
      const left = rows.filter(stays);
      rows.splice(0, rows.length, ...left);
      return true;
    }
  }
}
