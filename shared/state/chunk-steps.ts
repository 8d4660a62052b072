import type { Position } from '../change/position.ts';
import type { ChunkHead } from '../connector/sink.ts';
import type { StateStep } from './state-step.ts';

/** What decides whether a chunk is loaded now. */
export interface ChunkStanding {
  /** Null where the plan has no such chunk: it is of one that has been replaced. */
  done: boolean | null;
  settled: Position | null;
  /** Of all lanes. */
  least: Position | null;
}

/** Whether the target wants the chunk now; anything but `wanted` is what `Sink.writeData` answers. */
export function judgeChunk(
  { how }: Pick<ChunkHead, 'how'>,
  { done, settled, least }: ChunkStanding,
): 'wanted' | 'present' | 'unwanted' | 'early' {
  if (done === null) return 'unwanted';
  if (done) return 'present';
  if (how === 'load') return 'wanted';
  return settled !== null && least !== null && settled <= least ? 'wanted' : 'early';
}

export function markChunk(
  chunk: Pick<ChunkHead, 'id' | 'rows' | 'batchKey' | 'filtered'>,
): StateStep {
  const set = {
    done: true,
    batchKey: chunk.batchKey(),
    rows: chunk.rows(),
    filtered: chunk.filtered(),
  };
  return [{ kind: 'update', table: 'chunk', key: { id: chunk.id }, expect: { done: false }, set }];
}
