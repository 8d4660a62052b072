import type { DesiredState } from './desired-state.ts';
import type { Position } from '../change/position.ts';

/** What writers tell as it happens. A lost notice does no harm: the target's state says the same later. */
export type Notice =
  /** Lanes have moved, so many milliseconds before this is told. */
  | { kind: 'progress'; lanes: { lane: number; position: Position; agoMs: number }[] }
  | { kind: 'chunk'; id: number; rows: number }
  | { kind: 'desired'; desired: DesiredState }
  /** The pipeline is gone from the target: readers end, writers wait for a new one. */
  | { kind: 'reset' }
  /** A lane misses frames: the reader must start over from what the target holds. */
  | { kind: 'rewind'; readerEpoch: number; reason: string };
