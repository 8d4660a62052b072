import type { Position } from '../change/position.ts';
import type { RelationPlan } from '../change/relation.ts';
import type { Chunk } from './chunk.ts';

/**
 * What a pipeline copies and from where it follows. Made by the source, stored by the sink in the target before
 * anything is read, and given back to the source at every start: the target is the record, the broker a buffer.
 */
export interface PipelinePlan {
  /** Which log the positions belong to (server identity, timeline, database); opaque to the core. */
  identity: string;
  /** Where the change stream starts: every change after it that is not in the copy comes through the stream. */
  start: Position;
  /** What the connector must remember of the copy's snapshot; opaque to the core. */
  snapshot: unknown;
  lanes: number;
  namespaces: NamespacePlan[];
}

export interface NamespacePlan extends RelationPlan {
  /** Changes of this namespace at or before this position are in its copy and must not be applied. */
  start: Position;
  /**
   * The instant that its missing chunks show; `start` for a copy that was not interrupted. Changes up to it are
   * applied before those chunks are merged, later ones once the namespace is ready: so the namespace is then as the
   * source was at this instant, and no change meets a row that is newer than itself.
   */
  settled: Position;
  /**
   * `new`: to be created at the target. `restart`: what was copied so far must be emptied first (no key to merge by).
   * `copying`: chunks are missing. `ready`: the copy is in and finished; changes may be applied.
   */
  state: 'new' | 'restart' | 'copying' | 'ready';
  /** Chunks not yet in the target. */
  chunks: Chunk[];
  /** Chunks already in the target, and the rows they held. */
  chunksDone: number;
  rowsDone: number;
  /** Rows of those chunks that a transformer left out, where the target counts them. */
  rowsFiltered?: number;
}
