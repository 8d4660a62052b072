import type { Logger } from 'pino';
import { errorPolicy } from '../errors/error-policy.ts';
import { toWeirError } from '../errors/weir-error.ts';
import { Backoff, pause } from '../lifecycle/backoff.ts';
import type { Hub } from './hub.ts';
import { shortHolder } from './holder.ts';
import { decideLanes } from './lane-quota.ts';
import { Leases } from './leases.ts';

const LEASE_MS = 10_000;
const ROUND_MS = LEASE_MS / 4;
const SETTLING_MS = 300;
const PROBLEM_MS = 10_000;

export interface LaneOwnerOptions {
  hub: Hub;
  pipeline: string;
  /** Of this process: `createHolder`. */
  holder: string;
  /** The lanes that processes of one `role` share among each other. */
  role: 'writer' | 'transformer';
  lanes: number;
  /** What is done for a lane while it is owned, each until aborted. */
  workOf: (lane: number) => readonly ((signal: AbortSignal) => Promise<void>)[];
  /** Told of each failure of a lane, which is then taken anew. */
  onFailure: (code: string) => void;
  log: Logger;
}

/** Keys of the leases, of lanes and of who is there. */
const KEYS = {
  writer: { lane: 'lane', member: 'member' },
  transformer: { lane: 'raw', member: 'transformer' },
} as const;

interface OwnedLane {
  abort: AbortController;
  ended: Promise<void>;
}

/**
 * Takes this process's share of the lanes and works on them. Leases decide who works; that only one has an effect is
 * decided elsewhere (by the lane's epoch at the target, or the chain of the stream), because a lease cannot stop a
 * process that was asleep.
 */
export class LaneOwner {
  readonly #options: LaneOwnerOptions;
  readonly #leases: Leases;
  readonly #owned = new Map<number, OwnedLane>();
  readonly #fatal = new AbortController();
  #problem: { text: string; atMs: number } | null = null;

  private constructor(options: LaneOwnerOptions, leases: Leases) {
    this.#options = options;
    this.#leases = leases;
  }

  static async open(options: LaneOwnerOptions): Promise<LaneOwner> {
    const { hub, pipeline, holder } = options;
    return new LaneOwner(options, await Leases.open(hub.control, pipeline, holder, LEASE_MS));
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
        if (!moved) this.#tellLanes();
        await pause(moved ? SETTLING_MS : ROUND_MS, inner);
      }
    } finally {
      await this.#leave();
    }
    if (this.#fatal.signal.aborted) throw this.#fatal.signal.reason;
  }

  /** When they have settled: so the log says who worked on what. */
  #tellLanes(): void {
    const { lanes } = this;
    if (lanes.join() === this.#told) return;
    this.#told = lanes.join();
    const { log, role, holder } = this.#options;
    log.info({ [role]: shortHolder(holder), lanes }, 'works on these lanes');
  }
  #told = '';

  /** Renews, looks around, gives up and takes; true where something moves, so the next look should be soon. */
  async #round(): Promise<boolean> {
    await this.#leases.announce(this.#memberKey);
    for (const [lane, owned] of this.#owned)
      if (!(await this.#leases.renew(this.#leaseKey(lane)))) {
        this.#options.log.warn({ lane }, 'lease was lost, lane goes to another process');
        owned.abort.abort();
        this.#owned.delete(lane);
        await owned.ended;
      }
    const { release, acquire, isShort } = decideLanes({
      ...(await this.#look()),
      lanes: this.#options.lanes,
      self: this.#options.holder,
    });
    for (const lane of release) await this.#giveUp(lane);
    let moved = release.length > 0;
    for (const lane of acquire) {
      // In a broker without room leases expire and nobody can take one: who works goes on.
      if (this.#owned.has(lane)) continue;
      if (!(await this.#leases.acquire(this.#leaseKey(lane)))) continue;
      this.#start(lane);
      moved = true;
    }
    return moved || isShort;
  }

  async #look(): Promise<{ members: Set<string>; holders: Map<number, string> }> {
    const { holder, role } = this.#options;
    const members = new Set([holder]);
    const holders = new Map<number, string>();
    for (const [key, value] of await this.#leases.entries()) {
      const [kind, name] = key.split('.');
      if (kind === KEYS[role].member) members.add(value);
      else if (kind === KEYS[role].lane) holders.set(Number(name), value);
    }
    return { members, holders };
  }

  #start(lane: number): void {
    const abort = new AbortController();
    const ended = Promise.all(
      this.#options.workOf(lane).map((work) => this.#keepRunning(abort.signal, lane, work)),
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
        const said = { lane, code: error.code, reason: error.message };
        if (signal.aborted) {
          this.#options.log.info(said, 'lane was left before its work was done');
          return;
        }
        if (errorPolicy(thrown) === 'stop') return this.#fatal.abort(error);
        this.#problem = { text: error.message, atMs: Date.now() };
        this.#options.onFailure(error.code);
        this.#options.log.warn(said, 'lane failed, taking it anew');
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
    await this.#leases.release(this.#leaseKey(lane));
    this.#options.log.debug({ lane }, 'lane given up');
  }

  async #leave(): Promise<void> {
    const lanes = this.lanes;
    for (const owned of this.#owned.values()) owned.abort.abort();
    await Promise.all([...this.#owned.values()].map((owned) => owned.ended));
    this.#owned.clear();
    try {
      for (const lane of lanes) await this.#leases.release(this.#leaseKey(lane));
      await this.#leases.withdraw(this.#memberKey);
    } catch (error) {
      const { message } = toWeirError(error);
      this.#options.log.debug({ reason: message }, 'leases were not given back; they expire');
    }
  }

  get #memberKey(): string {
    const { role, holder } = this.#options;
    return `${KEYS[role].member}.${shortHolder(holder)}`;
  }

  #leaseKey(lane: number): string {
    return `${KEYS[this.#options.role].lane}.${lane}`;
  }
}
