/** How a pipeline's things are called in NATS. Pipeline names are `[a-z0-9-]`, so they need no escaping. */

/** What writers take: changes, and chunks of the copy. */
export type LaneKind = 'lane' | 'chunk';
/** The same as the reader sends it, where a transformer stands between it and the writers. */
export type RawLaneKind = `raw-${LaneKind}`;
export const STREAM_KINDS = ['lane', 'chunk', 'raw-lane', 'raw-chunk'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

export function streamName(pipeline: string, kind: StreamKind, lane: number): string {
  return `WEIR_${pipeline}_${inStreamName(kind)}_${String(lane).padStart(2, '0')}`;
}

export function inStreamName(kind: StreamKind): string {
  return kind.toUpperCase().replace('-', '_');
}

export function laneSubject(pipeline: string, kind: StreamKind, lane: number): string {
  return `weir.${pipeline}.${kind}.${lane}`;
}

/** Requests to whichever writer answers: the reader's way to the target's state. */
export function targetSubject(pipeline: string): string {
  return `weir.${pipeline}.target`;
}

/** Requests to the active reader. */
export function readerSubject(pipeline: string): string {
  return `weir.${pipeline}.reader`;
}

/** What writers tell everyone as it happens; lost messages do no harm. */
export function noticeSubject(pipeline: string): string {
  return `weir.${pipeline}.notice`;
}

export function statusSubject(pipeline: string, service: string, id: string): string {
  return `weir.${pipeline}.status.${service}.${id}`;
}

export function leaseBucket(pipeline: string): string {
  return `weir_${pipeline}_leases`;
}
