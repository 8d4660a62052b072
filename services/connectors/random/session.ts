import { setImmediate as turn } from 'node:timers/promises';
import { POSITION_BYTES, type Position, writePosition } from '../../../shared/change/position.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  ChunkReceiver,
  SourceSession,
} from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { ChangeLog, positionAfter, transactionAt } from './change-log.ts';
import type { ChangeSchedule } from './change-schedule.ts';
import { RowGenerator } from './row-generator.ts';
import type { RandomSettings } from './settings.ts';

const PIECE_BYTES = 256 * 1024;
/** Changes in a row before timers and signals get their turn. */
const CHANGES_PER_TURN = 1_000;
const IDLE_MS = 20;
const WATERMARK_MS = 500;

export interface RandomSnapshot {
  madeAtMs: number;
}

/** Rows `from` to `to` of a namespace, both included. */
export interface RandomSlice {
  from: number;
  to: number;
}

/** What makes the rows of changes. */
export type Rows = Pick<RowGenerator, 'row' | 'key'>;

export class RandomSession implements SourceSession {
  readonly plan: PipelinePlan;
  readonly #settings: RandomSettings;
  readonly #schedule: ChangeSchedule;
  readonly #log: ChangeLog;
  /** By number; undefined where the pipeline leaves the namespace out. */
  readonly #relations: (Relation | undefined)[];

  constructor(
    settings: RandomSettings,
    schedule: ChangeSchedule,
    plan: PipelinePlan,
    relations: (Relation | undefined)[],
  ) {
    this.plan = plan;
    this.#settings = settings;
    this.#schedule = schedule;
    this.#log = new ChangeLog(settings, (plan.snapshot as RandomSnapshot).madeAtMs);
    this.#relations = relations;
  }

  async listData(
    chunk: Chunk,
    receive: ChunkReceiver,
    signal: AbortSignal,
  ): Promise<{ rows: number }> {
    const { from, to } = chunk.cursor as RandomSlice;
    const namespace = this.#relations.findIndex((each) => each?.namespace === chunk.namespace);
    const rows = new RowGenerator(this.#settings);
    let pieces: Buffer[] = [];
    let bytes = 0;
    for (let key = from; key <= to; key++) {
      const row = Buffer.from(rows.row(namespace, key, 0));
      pieces.push(row);
      bytes += row.length;
      if (bytes < PIECE_BYTES && key < to) continue;
      await receive(Buffer.concat(pieces));
      await turn();
      if (signal.aborted) return { rows: 0 };
      pieces = [];
      bytes = 0;
    }
    return { rows: to - from + 1 };
  }

  async streamUpdates(
    from: Position,
    receiver: ChangeReceiver,
    signal: AbortSignal,
    rows: Rows = new RowGenerator(this.#settings),
  ): Promise<void> {
    const place = Buffer.alloc(POSITION_BYTES);
    let next = Math.max(1, transactionAt(from));
    let given = 0;
    let watermarkMs = 0;
    while (!signal.aborted) {
      const last = this.#log.lastTransaction(Date.now());
      for (; next <= last && !signal.aborted; next++) {
        given += this.#transaction(next, rows, receiver, place);
        const room = receiver.ready();
        if (room !== undefined) await room;
        if (given < CHANGES_PER_TURN) continue;
        given = 0;
        await turn();
      }
      if (signal.aborted) return;
      if (Date.now() - watermarkMs >= WATERMARK_MS) {
        watermarkMs = Date.now();
        writePosition(place, 0, positionAfter(next - 1));
        receiver.watermark(place, watermarkMs);
      }
      await pause(IDLE_MS, signal);
    }
  }

  /** Nothing is kept for anybody: the log can be worked out again from anywhere. */
  release(): void {}

  async head(): Promise<Position> {
    return positionAfter(this.#log.lastTransaction(Date.now()));
  }

  async sideState(): Promise<unknown> {
    return null;
  }

  async close(): Promise<void> {}

  /** Gives one transaction; returns how many changes it has. */
  #transaction(transaction: number, rows: Rows, receiver: ChangeReceiver, place: Buffer): number {
    const { first, last } = this.#log.changesOf(transaction);
    place.writeBigUInt64BE(BigInt(transaction), 0);
    for (let number = first; number <= last; number++) {
      const namespace = (number - 1) % this.#settings.namespaces;
      const relation = this.#relations[namespace];
      if (relation === undefined) continue;
      const version = Math.floor((number - 1) / this.#settings.namespaces) + 1;
      const { kind, key } = this.#schedule.changeOf(namespace, version);
      const row = kind === 'delete' ? Buffer.alloc(0) : rows.row(namespace, key, version);
      place.writeBigUInt64BE(BigInt(number - first + 1), 8);
      receiver.change(kind, relation, place, rows.key(key), row, false);
    }
    writePosition(place, 0, positionAfter(transaction));
    receiver.commit(place, this.#log.timeMs(transaction));
    return last - first + 1;
  }
}
