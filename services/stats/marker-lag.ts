import type { Position } from '../../shared/change/position.ts';

const MAX_MARKERS = 512;

/**
 * Lag by markers that travel the whole way: a marker stands at the source behind everything committed when it was asked
 * for, and comes to the target through every lane. Both ends are seen by this process, so one clock measures.
 */
export class MarkerLag {
  readonly #lanes: Lane[] = [];
  /** By position and time alike; those that every lane has passed are gone. */
  #markers: { position: Position; atMs: number }[] = [];

  /** `atMs`: before the marker was asked for; `nowMs`: now that it is known. */
  onMarker(position: Position, atMs: number, nowMs: number): void {
    const last = this.#markers.at(-1);
    if (last !== undefined && position < last.position) return;
    this.#markers.push({ position, atMs });
    for (const lane of this.#lanes) lane.pass(this.#markers, nowMs);
    if (this.#markers.length > MAX_MARKERS)
      this.#markers = this.#markers.filter((_, i) => i % 2 === 0);
  }

  /** A lane has come to `position` at the target; a lane never goes back. */
  onPosition(number: number, position: Position, nowMs: number): void {
    const lane = (this.#lanes[number] ??= new Lane());
    if (position <= lane.position) return;
    lane.position = position;
    lane.pass(this.#markers, nowMs);
    const least = this.#lanes.reduce((a, b) => (b.position < a.position ? b : a)).position;
    const first = this.#markers.findIndex((marker) => marker.position > least);
    // The last one passed stays: its age is what a lane that did not move since is measured by.
    if (first > 1) this.#markers = this.#markers.slice(first - 1);
  }

  /** Null while no marker has come through. What is known to be late counts as late before it arrives. */
  lagMs(number: number, nowMs: number): number | null {
    const lane = this.#lanes[number];
    if (lane === undefined || lane.transitMs === null) return null;
    return Math.max(lane.transitMs, this.awaitedMs(number, nowMs));
  }

  /** For how long the lane has owed the oldest marker that it has not passed; 0 where it owes none. */
  awaitedMs(number: number, nowMs: number): number {
    const position = this.#lanes[number]?.position ?? '';
    const owed = this.#markers.find((marker) => marker.position > position);
    return owed === undefined ? 0 : nowMs - owed.atMs;
  }

  get lanes(): number {
    return this.#lanes.length;
  }

  /** The slowest lane's; null before one is known of every lane. */
  overallMs(nowMs: number): number | null {
    let most: number | null = null;
    for (let lane = 0; lane < this.#lanes.length; lane++) {
      const lagMs = this.lagMs(lane, nowMs);
      if (lagMs === null) return null;
      most = Math.max(most ?? 0, lagMs);
    }
    return most;
  }
}

class Lane {
  position: Position | '' = '';
  /** Of the last marker that it has passed. */
  transitMs: number | null = null;
  #passed: Position | '' = '';
  #passedAtMs = 0;

  pass(markers: readonly { position: Position; atMs: number }[], nowMs: number): void {
    const marker = markers.findLast(({ position }) => position <= this.position);
    if (marker === undefined) return;
    // An idle source gives the same position again: another marker all the same.
    if (marker.position === this.#passed && marker.atMs === this.#passedAtMs) return;
    this.#passed = marker.position;
    this.#passedAtMs = marker.atMs;
    this.transitMs = Math.max(0, nowMs - marker.atMs);
  }
}
