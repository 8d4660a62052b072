import { POSITION_BYTES, type Position, writePosition } from '../../../shared/change/position.ts';
import type { RefusedRow } from '../../../shared/connector/parking.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  ChunkReceiver,
  ListedRows,
  SourceSession,
} from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { LOG_START } from './copy-plan.ts';
import { type FileCursor, readSlice, requireSame } from './read-slice.ts';
import { keepRefused } from './refused-row.ts';
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

  async listData(chunk: Chunk, receive: ChunkReceiver, signal: AbortSignal): Promise<ListedRows> {
    const cursor = chunk.cursor as FileCursor;
    await requireSame(this.#settings, cursor);
    const relation = this.plan.namespaces.find(
      (each) => each.relation.namespace === chunk.namespace,
    )!.relation;
    let pieces: Buffer[] = [];
    let bytes = 0;
    let rows = 0;
    const refused: RefusedRow[] = [];
    const keep = keepRefused(refused);
    for await (const row of readSlice(cursor, relation, this.#settings, signal, keep)) {
      pieces.push(row);
      bytes += row.length;
      rows++;
      if (bytes < PIECE_BYTES) continue;
      await receive(Buffer.concat(pieces));
      pieces = [];
      bytes = 0;
    }
    if (bytes > 0) await receive(Buffer.concat(pieces));
    await requireSame(this.#settings, cursor);
    return { rows: rows + refused.length, refused };
  }

  streamUpdates(_from: Position, receiver: ChangeReceiver, signal: AbortSignal): Promise<void> {
    return streamNothing(receiver, signal);
  }

  release(): void {}

  async head(): Promise<Position> {
    return LOG_START;
  }

  async sideState(): Promise<unknown> {
    return null;
  }

  async close(): Promise<void> {}
}

/** There are no changes; the stream only says so. */
export async function streamNothing(receiver: ChangeReceiver, signal: AbortSignal): Promise<void> {
  const place = Buffer.alloc(POSITION_BYTES);
  writePosition(place, 0, LOG_START);
  while (!signal.aborted) {
    receiver.watermark(place, Date.now());
    await pause(WATERMARK_MS, signal);
  }
}
