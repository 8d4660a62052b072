import type { Relation } from '../../../shared/change/relation.ts';
import type { Slice, Store, StoreOptions, StoreReader } from '../../../shared/connector/store.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { LOG_START } from './change-log.ts';
import { ChangeSchedule } from './change-schedule.ts';
import { relationOf, RowGenerator } from './row-generator.ts';
import { type RandomSlice, type RandomSnapshot, RandomSession, type Rows } from './session.ts';
import { identityOf, parseRandomUrl, type RandomSettings } from './settings.ts';

const EMPTY = Buffer.alloc(0);
const NO_ROWS: Rows = { row: () => EMPTY, key: () => EMPTY };

/** Rows as they were before all changes, and the changes from the first on, whenever somebody begins to follow. */
export function createRandomStore({ url }: StoreOptions): Store {
  const settings = parseRandomUrl(url);
  return {
    readIdentity: () => Promise.resolve(identityOf(settings)),
    reader: createReader(settings),
    writer: null,
    close: () => Promise.resolve(),
  };
}

function createReader(settings: RandomSettings): StoreReader {
  const relations = Array.from({ length: settings.namespaces }, (_, i) => relationOf(i));
  const placeOf = (namespace: string): number =>
    relations.findIndex((relation) => relation.namespace === namespace);
  const rows = new RowGenerator(settings);

  return {
    list: () => Promise.resolve(relations),
    relationOf: (namespace) => Promise.resolve(relations[placeOf(namespace)] ?? null),
    count: () => Promise.resolve(settings.rows),

    cut(namespace) {
      const slices: Slice[] = [];
      for (let from = 1; from <= settings.rows; from += settings.chunk) {
        const to = Math.min(settings.rows, from + settings.chunk - 1);
        const cursor: RandomSlice = { from, to };
        slices.push({ namespace, cursor, estimatedRows: to - from + 1 });
      }
      return Promise.resolve(slices);
    },

    readPage(slice, after, bytes) {
      const place = placeOf(slice.namespace);
      const { to, ...first } = slice.cursor as RandomSlice;
      const tuples: Buffer[] = [];
      let from = after === null ? first.from : Number(after) + 1;
      if (!(from >= first.from && from <= to + 1))
        throw new WeirError('CONFIG_INVALID', 'the cursor is not of this partition');
      for (let taken = 0; from <= to && taken < bytes; from++)
        taken += tuples[tuples.push(Buffer.from(rows.row(place, from, 0))) - 1]!.length;
      const next = from <= to ? String(from - 1) : null;
      return Promise.resolve({ relation: relations[place]!, tuples, next });
    },

    readByKeys: ({ namespace }: Relation, keys) =>
      Promise.resolve(keys.map((key) => rowOf(placeOf(namespace), key))),

    begin() {
      const memory: RandomSnapshot = { madeAtMs: Date.now() };
      return Promise.resolve({ position: LOG_START, memory });
    },

    streamUpdates: ({ position, memory }, receiver, signal) =>
      sessionOf(memory).streamUpdates(position, receiver, signal),
    countUpdates: ({ position, memory }, receiver, signal) =>
      sessionOf(memory).streamUpdates(position, receiver, signal, NO_ROWS),
  };

  function sessionOf(snapshot: unknown): RandomSession {
    const identity = identityOf(settings);
    const plan = { identity, start: LOG_START, snapshot, lanes: 1, namespaces: [] };
    return new RandomSession(settings, new ChangeSchedule(settings), plan, relations);
  }

  /** Of the rows that the copy has. */
  function rowOf(place: number, key: Buffer): Buffer | null {
    const number = Number(key.toString('latin1', 4));
    const isThere = Number.isInteger(number) && number >= 1 && number <= settings.rows;
    return isThere ? Buffer.from(rows.row(place, number, 0)) : null;
  }
}
