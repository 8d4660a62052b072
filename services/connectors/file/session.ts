import { stat } from 'node:fs/promises';
import path from 'node:path';
import { POSITION_BYTES, type Position, writePosition } from '../../../shared/change/position.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  Chunk,
  ChunkReceiver,
  SourceSession,
} from '../../../shared/connector/source.ts';
import { hasCode } from '../../../shared/ledger/versioned-file.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { LOG_START } from './copy-plan.ts';
import { unfit } from './file-text.ts';
import { type FileCursor, readSlice } from './read-slice.ts';
import type { FileSettings } from './settings.ts';

const PIECE_BYTES = 256 * 1024;
const WATERMARK_MS = 500;

export class FileSession implements SourceSession {
  readonly plan: PipelinePlan;
  readonly #settings: FileSettings;

  constructor(settings: FileSettings, plan: PipelinePlan) {
    this.#settings = settings;
    this.plan = plan;
  }

  async listData(
    chunk: Chunk,
    receive: ChunkReceiver,
    signal: AbortSignal,
  ): Promise<{ rows: number }> {
    const cursor = chunk.cursor as FileCursor;
    await this.#requireSame(cursor);
    const relation = this.plan.namespaces.find(
      (each) => each.relation.namespace === chunk.namespace,
    )!.relation;
    let pieces: Buffer[] = [];
    let bytes = 0;
    let rows = 0;
    for await (const row of readSlice(cursor, relation, this.#settings, signal)) {
      pieces.push(row);
      bytes += row.length;
      rows++;
      if (bytes < PIECE_BYTES) continue;
      await receive(Buffer.concat(pieces));
      pieces = [];
      bytes = 0;
    }
    if (bytes > 0) await receive(Buffer.concat(pieces));
    await this.#requireSame(cursor);
    return { rows };
  }

  /** There are none; the stream only says so. */
  async streamUpdates(
    _from: Position,
    receiver: ChangeReceiver,
    signal: AbortSignal,
  ): Promise<void> {
    const place = Buffer.alloc(POSITION_BYTES);
    writePosition(place, 0, LOG_START);
    while (!signal.aborted) {
      receiver.watermark(place, Date.now());
      await pause(WATERMARK_MS, signal);
    }
  }

  release(): void {}

  async head(): Promise<Position> {
    return LOG_START;
  }

  async sideState(): Promise<unknown> {
    return null;
  }

  async close(): Promise<void> {}

  /** Rows of two states of a file are rows of none. */
  async #requireSame({ name, bytes, modifiedMs }: FileCursor): Promise<void> {
    try {
      const found = await stat(path.join(this.#settings.folder, name));
      if (found.size === bytes && found.mtimeMs === modifiedMs) return;
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    throw unfit(
      name,
      'is not as it was when the copy was planned; put it back, or run `weir reset` and copy anew',
    );
  }
}
