import { shortHolder } from '../../shared/hub/holder.ts';
import { Leases } from '../../shared/hub/leases.ts';
import { errorPolicy } from '../../shared/errors/error-policy.ts';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { Backoff, pause } from '../../shared/lifecycle/backoff.ts';
import { ChangeLane } from './change-lane.ts';
import { ChunkLane } from './chunk-lane.ts';
import { TransactionLane } from './transaction-lane.ts';
import { decideLanes } from './lane-quota.ts';
import type { WriterContext } from './writer-context.ts';

const LEASE_MS = 10_000;
const ROUND_MS = LEASE_MS / 4;
const SETTLING_MS = 300;
const PROBLEM_MS = 10_000;

interface OwnedLane {
  abort: AbortController;
  ended: Promise<void>;
}

/**
 * Takes this writer's share of the lanes and works on them. Leases decide who works; that only one writes is decided
 * by the lane's epoch at the target, because a lease cannot stop a process that was asleep.
 */
export class LaneOwner {
  readonly #context: WriterContext;
  /** Of the changes; the other lanes carry chunks only. */
  readonly #changeLanes: number;
  readonly #lanes: number;
  readonly #leases: Leases;
  readonly #owned = new Map<number, OwnedLane>();
  readonly #fatal = new AbortController();
  #problem: { text: string; atMs: number } | null = null;

  private constructor(context: WriterContext, changeLanes: number, lanes: number, leases: Leases) {
    this.#context = context;
    this.#changeLanes = changeLanes;
    this.#lanes = lanes;
    this.#leases = leases;
  }

  static async open(
    context: WriterContext,
    changeLanes: number,
    lanes: number,
  ): Promise<LaneOwner> {
    const { hub, pipeline, writerId } = context;
    const leases = await Leases.open(hub.control, pipeline, writerId, LEASE_MS);
    return new LaneOwner(context, changeLanes, lanes, leases);
  }

  get lanes(): number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b);
  }

  /** Why a lane failed, for a while: one that cannot go on fails again within that time. */
  get problem(): string | null {
    const { text, atMs } = this.#problem ?? { text: null, atMs: 0 };
    return Date.now() - atMs < PROBLEM_MS ? text : this.#leases.problem;
  }

  /** Works until aborted; then finishes what is in flight and gives the lanes back. */
  async run(signal: AbortSignal): Promise<void> {
    const inner = AbortSignal.any([signal, this.#fatal.signal]);
    try {
      while (!inner.aborted) {
        const moved = await this.#round();
        await pause(moved ? SETTLING_MS : ROUND_MS, inner);
      }
    } finally {
      await this.#leave();
    }
    if (this.#fatal.signal.aborted) throw this.#fatal.signal.reason;
  }

  /** Renews, looks around, gives up and takes; true where something moves, so the next look should be soon. */
  async #round(): Promise<boolean> {
    const { writerId } = this.#context;
    await this.#leases.announce(`member.${shortHolder(writerId)}`);
    for (const [lane, owned] of this.#owned)
      if (!(await this.#leases.renew(leaseKey(lane)))) {
        this.#context.log.warn({ lane }, 'lease was lost, lane goes to another writer');
        owned.abort.abort();
        this.#owned.delete(lane);
        await owned.ended;
      }
    const { release, acquire, isShort } = decideLanes({
      ...(await this.#look()),
      lanes: this.#lanes,
      self: writerId,
    });
    for (const lane of release) await this.#giveUp(lane);
    let moved = release.length > 0;
    for (const lane of acquire) {
      // In a broker without room leases expire and nobody can take one: who works goes on.
      if (this.#owned.has(lane)) continue;
      if (!(await this.#leases.acquire(leaseKey(lane)))) continue;
      this.#start(lane);
      moved = true;
    }
    return moved || isShort;
  }

  async #look(): Promise<{ members: Set<string>; holders: Map<number, string> }> {
    const members = new Set([this.#context.writerId]);
    const holders = new Map<number, string>();
    for (const [key, value] of await this.#leases.entries()) {
      const [kind, name] = key.split('.');
      if (kind === 'member') members.add(value);
      else if (kind === 'lane') holders.set(Number(name), value);
    }
    return { members, holders };
  }

  #start(lane: number): void {
    const abort = new AbortController();
    const { order } = this.#context;
    const kinds: { run: typeof ChunkLane.run }[] = [ChunkLane];
    if (lane < this.#changeLanes)
      kinds.push(order === 'transaction' ? TransactionLane : ChangeLane);
    const ended = Promise.all(
      kinds.map((kind) =>
        this.#keepRunning(abort.signal, lane, (signal) => kind.run(this.#context, lane, signal)),
      ),
    ).then(() => undefined);
    this.#owned.set(lane, { abort, ended });
  }

  /** Starts a lane anew after each failure that can heal; any other ends the whole writer. */
  async #keepRunning(
    signal: AbortSignal,
    lane: number,
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const backoff = new Backoff({ firstMs: 100, maxMs: 5_000 });
    while (!signal.aborted) {
      const startedAtMs = Date.now();
      try {
        await run(signal);
      } catch (thrown) {
        const error = toWeirError(thrown);
        if (signal.aborted) return;
        if (errorPolicy(thrown) === 'stop') return this.#fatal.abort(error);
        this.#problem = { text: error.message, atMs: Date.now() };
        this.#context.meter.failed(error.code);
        this.#context.log.warn(
          { lane, code: error.code, reason: error.message },
          'lane failed, taking it anew',
        );
        if (Date.now() - startedAtMs > 10_000) backoff.reset();
        await backoff.wait(signal);
      }
    }
  }

  async #giveUp(lane: number): Promise<void> {
    const owned = this.#owned.get(lane);
    if (owned === undefined) return;
    owned.abort.abort();
    await owned.ended;
    this.#owned.delete(lane);
    await this.#leases.release(leaseKey(lane));
    this.#context.log.debug({ lane }, 'lane given up');
  }

  async #leave(): Promise<void> {
    const lanes = this.lanes;
    for (const owned of this.#owned.values()) owned.abort.abort();
    await Promise.all([...this.#owned.values()].map((owned) => owned.ended));
    this.#owned.clear();
    try {
      for (const lane of lanes) await this.#leases.release(leaseKey(lane));
      await this.#leases.withdraw(`member.${shortHolder(this.#context.writerId)}`);
    } catch (error) {
      const { message } = toWeirError(error);
      this.#context.log.debug({ reason: message }, 'leases were not given back; they expire');
    }
  }
}

function leaseKey(lane: number): string {
  return `lane.${lane}`;
}
