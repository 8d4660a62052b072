import type { Relation } from '../../change/relation.ts';
import type { LaneBatch } from '../../connector/sink.ts';
import { WeirError } from '../../errors/weir-error.ts';
import type { RowSink, RowWriter } from '../row-sink.ts';
import type { StateStore } from '../state-store.ts';
import type { StateStep } from '../state-step.ts';
import { keyOfUnit, toChain, toNetChanges, type Unit } from './change-unit.ts';
import type { ParkedEntries } from './parked-entries.ts';
import type { PageEntry } from './parked-page.ts';
import {
  type Move,
  REFUSED,
  type Refusals,
  type Refused,
  type ReplayTarget,
} from './quarantine-target.ts';
import { applyWithoutRefused, findByHalves } from './without-refused.ts';

/** Something that is written; returns what `RowWriter.applied` is to be told of it. */
type Write = (rows: RowWriter) => Promise<unknown>;

export interface RowSinkTargetOptions {
  state: StateStore;
  rows: RowSink;
  /** What writes are part of. */
  batch: LaneBatch;
  /** Before each write, where it is in no transaction: throws where it must not be done any more. */
  guard?: () => Promise<void>;
  /** Left out, those of the state. */
  parked?: ParkedEntries;
  /** How units are written; left out, as changes. */
  writeOf?: (relation: Relation, units: readonly Unit[]) => Write;
}

/**
 * The room of a store that has only what a `RowSink` has. Where rows have a transaction with the state, each try is one that
 * is undone, with all that was accepted before it; and what was accepted is written in the end with the step. Where they
 * have not, a try is the write itself, which can be repeated.
 */
export class RowSinkTarget implements ReplayTarget {
  readonly #options: RowSinkTargetOptions;
  readonly #accepted: Write[] = [];
  readonly #notes: unknown[] = [];

  constructor(options: RowSinkTargetOptions) {
    this.#options = options;
  }

  get parked(): ParkedEntries {
    return this.#options.parked ?? this.#options.state.parked;
  }

  get repeats(): boolean {
    return this.#options.rows.transaction === undefined;
  }

  /** By their bytes: what such a store is given is in one form. */
  chainsOf(relation: Relation, units: readonly Unit[]): Promise<(Buffer | null)[]> {
    if (relation.identity === 'none') return Promise.resolve(units.map(() => null));
    const keys = units.map((unit) => {
      const key = keyOfUnit(relation, unit)!;
      // A whole row without the count of its columns.
      return relation.identity === 'row' ? key.subarray(2) : key;
    });
    return this.keyChainsOf(relation, keys);
  }

  keyChainsOf(relation: Relation, keys: readonly Buffer[]): Promise<Buffer[]> {
    return Promise.resolve(keys.map((key) => toChain(relation, key)));
  }

  async applyIsolating(
    relation: Relation,
    units: readonly Unit[],
    refusals: Refusals = REFUSED,
  ): Promise<Refused[]> {
    const attempt = (some: readonly Unit[]) => this.attempt(relation, some, refusals);
    // What no key tells apart must not be written twice, so each is tried once, by itself, where it has a name.
    if (relation.identity !== 'key' && units.some(({ name }) => name !== undefined)) {
      const refused: Refused[] = [];
      for (const unit of units) {
        const error = await attempt([unit]);
        if (error !== null) refused.push({ unit, error });
      }
      return refused;
    }
    const probe = (some: readonly Unit[]) => this.#probe(this.#writeOf(relation, some), refusals);
    return applyWithoutRefused(relation, units, attempt, (some) => findByHalves(some, probe));
  }

  attempt(
    relation: Relation,
    units: readonly Unit[],
    refusals: Refusals = REFUSED,
  ): Promise<WeirError | null> {
    return this.#try(this.#writeOf(relation, units), refusals);
  }

  attemptMove(
    relation: Relation,
    { key, row, name }: Move,
    refusals: Refusals = REFUSED,
  ): Promise<WeirError | null> {
    const { batch } = this.#options;
    const move = { key: key.toString('base64'), row: row.toString('base64') };
    const barrier = { kind: 'move' as const, relation, moves: [move] };
    const part = name === undefined ? String(this.#accepted.length) : `parked-${name}`;
    return this.#try((rows) => rows.runBarrier(batch, barrier, part), refusals);
  }

  problemOf(): Promise<null> {
    return Promise.resolve(null);
  }

  prepare(entry: PageEntry): Promise<PageEntry> {
    return Promise.resolve(entry);
  }

  /** What `RowWriter.applied` is to be told of what was written already. */
  get notes(): readonly unknown[] {
    return this.#notes;
  }

  /** False, and nothing is kept that is in a transaction, where something that the step expects does not hold. */
  async finish(step: StateStep): Promise<boolean> {
    const { state, rows } = this.#options;
    if (rows.transaction === undefined) return state.commit(step);
    return undoing(rows, async (inside) => {
      if (!(await inside.state.commit(step))) throw UNDO;
      for (const write of this.#accepted) await write(inside.rows);
    });
  }

  #writeOf(relation: Relation, units: readonly Unit[]): Write {
    const { batch, writeOf } = this.#options;
    if (writeOf !== undefined) return writeOf(relation, units);
    const changes = [toNetChanges(relation, units)];
    const name = units[0]?.name;
    return (rows) => rows.apply({ ...batch, changes }, name && `parked-${name}`);
  }

  async #try(write: Write, refusals: Refusals): Promise<WeirError | null> {
    const error = await this.#probe(write, refusals, (note) => {
      if (note !== undefined) this.#notes.push(note);
    });
    if (error === null) this.#accepted.push(write);
    return error;
  }

  async #probe(
    write: Write,
    refusals: Refusals,
    take?: (note: unknown) => void,
  ): Promise<WeirError | null> {
    const { rows, guard } = this.#options;
    try {
      if (rows.transaction === undefined) {
        await guard?.();
        const note = await write(rows);
        take?.(note);
      } else
        await undoing(rows, async (inside) => {
          for (const each of this.#accepted) await each(inside.rows);
          await write(inside.rows);
          throw UNDO;
        });
      return null;
    } catch (error) {
      if (error instanceof WeirError && refusals.includes(error.code)) return error;
      throw error;
    }
  }
}

const UNDO = new Error('to be undone');

/** Whether it was done; not where `work` throws UNDO. */
async function undoing(
  rows: RowSink,
  work: Parameters<NonNullable<RowSink['transaction']>>[0],
): Promise<boolean> {
  try {
    await rows.transaction!(work);
    return true;
  } catch (error) {
    if (error === UNDO) return false;
    throw error;
  }
}
