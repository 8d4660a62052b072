import { hash32 } from '../../shared/codec/xxhash.ts';
import { FIRST_POSITION, type Position, readPosition } from '../../shared/change/position.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { compileRoute, type RoutingBytes } from '../../shared/change/route.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { ChangeReceiver } from '../../shared/connector/source.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import type { ChangeKind } from '../../shared/change/change-kind.ts';
import type { LaneWriter } from './lane-writer.ts';
import { KeyUpdateGroup } from './key-update-group.ts';

const LINGER_MS = 3;
/** One that goes in a frame of its own. */
const LARGE_ROW_BYTES = 1 << 20;
/** So many changes while small frames waited: more are coming, and full frames cost less; but nobody waits for long. */
const POURING_CHANGES = 250;
const MAX_LINGERS = 20;
const QUIET_ROUNDS = 5;

/** How the lane of a row is found: by a hash of these bytes, or all of a relation in one. */
interface Way {
  bytes: RoutingBytes | null;
  home: number;
}

/**
 * Spreads the changes of the source over the lanes. Equal keys always meet in the same lane, so their order holds;
 * namespaces that need it go into one lane as a whole. What a lane has already (it stands at or before the lane's
 * start) is dropped here, so every change is counted once.
 */
export class ChangeRouter implements ChangeReceiver {
  /** Changes handed on, by namespace. */
  readonly counts = new Map<string, ChangeCounts>();
  transactions = 0;
  largestTransaction = 0;
  /** Time in which the source was not read because there was no room. */
  waitedMs = 0;
  /** When the source said anything last, or this began. */
  heardAtMs = Date.now();
  #inTransaction = 0;
  readonly keepsMoves: boolean;
  readonly together: ReadonlySet<string>;
  readonly reached: Position;
  readonly #lanes: readonly LaneWriter[];
  readonly #starts: readonly Buffer[];
  readonly #lastStart: Buffer;
  #pause: { at: Position; bytes: Buffer } | null;
  readonly #ways = new Map<Relation, Way>();
  #routed: Relation | null = null;
  #way: Way | null = null;
  #replaying = true;
  #watermark: Position;
  #timeMs = 0;
  #quietRounds = 0;
  #awaited: Position | null = null;
  #linger: NodeJS.Timeout | undefined;
  #lingers = 0;
  #lingersFrom = 0;
  #changes = 0;
  #sentAtMs = performance.now();
  /** While there are some, no lane has an open frame, and nothing else is sent before them. */
  #moves: KeyUpdateGroup | null = null;

  /**
   * No frame has changes from both sides of `pause`, and every lane is told when the stream has come to it: the
   * writers go no further until the copy that shows this instant is in. `keepsMoves` and `together`: see
   * `ChangeReceiver`; only one lane for all can order moves.
   */
  constructor(
    lanes: readonly LaneWriter[],
    starts: readonly Position[],
    pause: Position | null = null,
    keepsMoves = false,
    together: Iterable<string> = [],
  ) {
    this.together = new Set(together);
    this.keepsMoves = keepsMoves;
    this.#lanes = lanes;
    this.#starts = starts.map((start) => Buffer.from(start, 'hex'));
    this.#lastStart = this.#starts.reduce((a, b) => (a.compare(b) > 0 ? a : b));
    this.reached = readPosition(this.#lastStart, 0);
    this.#watermark = FIRST_POSITION;
    this.#pause = pause === null ? null : { at: pause, bytes: Buffer.from(pause, 'hex') };
  }

  /** When the source committed the last transaction that was read; 0 before the first. */
  get sourceTimeMs(): number {
    return this.#timeMs;
  }

  change(
    kind: ChangeKind,
    relation: Relation,
    position: Buffer,
    key: Buffer,
    row: Buffer,
    partial: boolean,
  ): void {
    if (this.#pause !== null && position.compare(this.#pause.bytes) > 0) this.#passPause();
    const number = this.#laneOf(relation, key);
    if (this.#replaying && this.#isKnown(number, position)) return;
    this.#sendMoves();
    const lane = this.#lanes[number]!;
    // Together with others it might be more than a lane carries.
    if (lane.isOpen && row.length > LARGE_ROW_BYTES)
      lane.flush(this.#watermark, this.#timeMs || Date.now());
    lane.append(kind, relation, position, key, row, partial);
    this.#inTransaction++;
    this.#changes++;
    this.#quietRounds = QUIET_ROUNDS;
    const counts = this.#countsOf(relation.namespace);
    if (kind === 'insert') counts.inserts++;
    else if (kind === 'delete') counts.deletes++;
    else counts.updates++;
    if (lane.isFull) lane.flush(this.#watermark, this.#timeMs || Date.now());
    else this.#scheduleLinger();
  }

  barrier(position: Buffer, barrier: Barrier): void {
    const at = readPosition(position, 0);
    if (this.#pause !== null && at > this.#pause.at) this.#passPause();
    if (!this.#isKnown(0, position)) this.#countBarrier(barrier);
    // What some lanes have already and others not stays apart.
    const isNew = !this.#replaying || position.compare(this.#lastStart) > 0;
    if (barrier.kind === 'move' && isNew) this.#gather(position, barrier);
    else this.#sendBarrier(at, barrier, (lane) => !this.#isKnown(lane, position));
  }

  commit(position: Buffer, timeMs: number): void {
    this.#timeMs = timeMs;
    this.transactions++;
    if (this.#inTransaction > this.largestTransaction)
      this.largestTransaction = this.#inTransaction;
    this.#inTransaction = 0;
    for (const lane of this.#lanes) lane.commit(position, timeMs);
    this.#pass(position);
    this.#sendAtOnce();
  }

  watermark(position: Buffer, timeMs: number): void {
    if (timeMs > this.#timeMs) this.#timeMs = timeMs;
    this.#pass(position);
  }

  ready(): Promise<void> | undefined {
    let waiting: Promise<void>[] | undefined;
    for (const lane of this.#lanes) {
      const ready = lane.ready();
      if (ready !== undefined) (waiting ??= []).push(ready);
    }
    return waiting === undefined ? undefined : this.#waitFor(waiting);
  }

  /**
   * Brings idle lanes up to the last watermark; called about once a second. Each watermark costs a commit per lane
   * at the target, so while no lane has changes it is done every few seconds only.
   */
  advanceIdleLanes(): void {
    if (++this.#quietRounds < QUIET_ROUNDS) return;
    this.#advance();
  }

  /** All lanes are told of `position` as soon as the stream has passed it. */
  announce(position: Position): void {
    if (this.#awaited === null || position > this.#awaited) this.#awaited = position;
    this.#checkAwaited();
  }

  async #waitFor(waiting: Promise<void>[]): Promise<void> {
    const startedAtMs = performance.now();
    await Promise.all(waiting);
    this.waitedMs += performance.now() - startedAtMs;
  }

  #advance(): void {
    this.#sendMoves();
    this.#quietRounds = 0;
    for (const lane of this.#lanes) lane.watermark(this.#watermark, this.#timeMs);
  }

  #checkAwaited(): void {
    if (this.#awaited === null || this.#watermark < this.#awaited) return;
    this.#awaited = null;
    this.#advance();
  }

  close(): void {
    clearTimeout(this.#linger);
  }

  #pass(position: Buffer): void {
    this.heardAtMs = Date.now();
    const at = readPosition(position, 0);
    if (this.#pause !== null && at >= this.#pause.at) this.#passPause();
    if (at > this.#watermark) this.#watermark = at;
    this.#checkAwaited();
    if (this.#replaying && position.compare(this.#lastStart) > 0) this.#replaying = false;
  }

  #countBarrier(barrier: Barrier): void {
    if (barrier.kind === 'truncate')
      for (const relation of barrier.relations) this.#countsOf(relation.namespace).truncates++;
    if (barrier.kind === 'move')
      this.#countsOf(barrier.relation.namespace).updates += barrier.moves.length;
  }

  #gather(position: Buffer, barrier: Extract<Barrier, { kind: 'move' }>): void {
    if (this.#moves?.takes(barrier) === true) return this.#moves.add(position, barrier);
    this.#sendMoves();
    this.#flushLanes();
    this.#moves = new KeyUpdateGroup(position, barrier);
    this.#quietRounds = QUIET_ROUNDS;
    this.#scheduleLinger();
  }

  #sendMoves(): void {
    if (this.#moves === null) return;
    const { position, barrier } = this.#moves.toBarrier();
    this.#moves = null;
    this.#sendBarrier(position, barrier, () => true);
  }

  #sendBarrier(at: Position, barrier: Barrier, concerns: (lane: number) => boolean): void {
    this.#sendMoves();
    this.#flushLanes();
    for (const [number, lane] of this.#lanes.entries())
      if (concerns(number)) lane.barrier(at, this.#timeMs, barrier);
  }

  #flushLanes(): void {
    for (const lane of this.#lanes) lane.flush(this.#watermark, this.#timeMs || Date.now());
  }

  #passPause(): void {
    const { at } = this.#pause!;
    this.#pause = null;
    if (at > this.#watermark) this.#watermark = at;
    this.#advance();
  }

  #isKnown(lane: number, position: Buffer): boolean {
    return this.#replaying && position.compare(this.#starts[lane]!) <= 0;
  }

  #laneOf(relation: Relation, key: Buffer): number {
    if (relation !== this.#routed) {
      let way = this.#ways.get(relation);
      if (way === undefined) this.#ways.set(relation, (way = this.#wayOf(relation)));
      this.#routed = relation;
      this.#way = way;
    }
    const { bytes, home } = this.#way!;
    return bytes === null ? home : hash32(bytes(key)) % this.#lanes.length;
  }

  #wayOf(relation: Relation): Way {
    const home = hash32(Buffer.from(relation.namespace)) % this.#lanes.length;
    return { bytes: compileRoute(relation), home };
  }

  #countsOf(namespace: string): ChangeCounts {
    let counts = this.counts.get(namespace);
    if (counts === undefined) {
      counts = { inserts: 0, updates: 0, deletes: 0, truncates: 0 };
      this.counts.set(namespace, counts);
    }
    return counts;
  }

  /** One timer for all lanes: small frames wait a little for company, longer while it pours or the broker is behind. */
  #scheduleLinger(): void {
    if (this.#linger !== undefined) return;
    this.#lingersFrom = this.#changes;
    this.#linger = setTimeout(() => {
      this.#linger = undefined;
      if (this.#isPouring && ++this.#lingers < MAX_LINGERS) this.#scheduleLinger();
      else this.#sendOpen();
    }, LINGER_MS);
  }

  get #isPouring(): boolean {
    return this.#changes - this.#lingersFrom >= POURING_CHANGES;
  }

  /** A transaction has ended, and what it may have company from was sent a while ago. */
  #sendAtOnce(): void {
    if (this.#linger === undefined || this.#isPouring) return;
    if (performance.now() - this.#sentAtMs < LINGER_MS) return;
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#sendOpen();
  }

  #sendOpen(): void {
    this.#lingers = 0;
    this.#sentAtMs = performance.now();
    if (this.#moves !== null) {
      if (this.#lanes.every(({ isKeepingUp }) => isKeepingUp)) this.#sendMoves();
      else this.#scheduleLinger();
      return;
    }
    for (const lane of this.#lanes) {
      if (!lane.isOpen) continue;
      if (lane.isKeepingUp) lane.flush(this.#watermark, this.#timeMs || Date.now());
      else this.#scheduleLinger();
    }
  }
}
