import type { Logger } from 'pino';
import { errorPolicy } from '../errors/error-policy.ts';
import { toWeirError } from '../errors/weir-error.ts';
import { Backoff, pause } from '../lifecycle/backoff.ts';
import { detach, ignoreFailure } from '../lifecycle/detach.ts';
import { runTogether } from '../lifecycle/run-together.ts';
import type { Hub } from './hub.ts';
import { shortWorkerId } from './worker-id.ts';
import { decideLanes } from './lane-quota.ts';
import { Leases } from './leases.ts';

const LEASE_MS = 10_000;
const SETTLING_MS = 300;
const PROBLEM_MS = 10_000;

export interface LaneOwnerOptions {
  hub: Hub;
  pipeline: string;
  /** Of this process: `createWorkerId`. */
  holder: string;
  /** The lanes that processes of one `role` share among each other. */
  role: 'writer' | 'transformer';
  lanes: number;
  /** What is done for a lane while it is owned, each until aborted. */
  workOf: (lane: number) => readonly ((signal: AbortSignal) => Promise<void>)[];
  /** Told of each failure of a lane, which is then taken anew. */
  onFailure: (code: string) => void;
  log: Logger;
  /** How long a lease lives that is not renewed. */
  leaseMs?: number;
}

/** Keys of the leases, of lanes and of who is there. */
const KEYS = {
  writer: { lane: 'lane', member: 'member' },
  transformer: { lane: 'raw', member: 'transformer' },
} as const;

interface OwnedLane {
  abort: AbortController;
  ended: Promise<void>;
  /** It is to end, and its lease to be given back then; what it waits for may take long. */
  leaving: Promise<void> | null;
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
    const { hub, pipeline, holder, leaseMs = LEASE_MS } = options;
    return new LaneOwner(options, await Leases.open(hub.control, pipeline, holder, leaseMs));
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
      await this.#renew();
      await runTogether(inner, [(s) => this.#keepLeases(s), (s) => this.#share(s)]);
    } finally {
      await this.#leave();
    }
    if (this.#fatal.signal.aborted) throw this.#fatal.signal.reason;
  }

  /** Whatever else this process waits for: a lane that ends, a list that is slow. */
  async #keepLeases(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#roundMs, signal);
      if (!signal.aborted) await this.#renew();
    }
  }

  async #share(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const moved = await this.#round();
      if (!moved) this.#tellLanes();
      await pause(moved ? SETTLING_MS : this.#roundMs, signal);
    }
  }

  /** When they have settled: so the log says who worked on what. */
  #tellLanes(): void {
    const { lanes } = this;
    if (lanes.join() === this.#told) return;
    this.#told = lanes.join();
    const { log, role, holder } = this.#options;
    log.info({ [role]: shortWorkerId(holder), lanes }, 'works on these lanes');
  }
  #told = '';

  /** All leases at once: one after the other, those of many lanes would expire where the broker is slow. */
  async #renew(): Promise<void> {
    const owned = [...this.#owned];
    const [, ...renewals] = await Promise.all([
      this.#leases.announce(this.#memberKey),
      ...owned.map(([lane]) => this.#leases.renew(this.#leaseKey(lane))),
    ]);
    const { log } = this.#options;
    for (const [i, [lane, { leaving }]] of owned.entries()) {
      if (leaving !== null) continue;
      if (renewals[i] === 'regained')
        log.warn(
          { lane },
          'lease had expired and was taken again: this machine or the broker is slow',
        );
      if (renewals[i] !== 'lost') continue;
      log.warn({ lane }, 'lease was lost, lane goes to another process');
      detach(this.#giveUp(lane), ignoreFailure);
    }
    this.#tellLateness(this.#leases.problem);
  }

  /** Once when it begins, once when it is over. */
  #tellLateness(reason: string | null): void {
    const wasLate = this.#isLate;
    this.#isLate = reason !== null;
    if (this.#isLate === wasLate) return;
    const { log } = this.#options;
    if (wasLate) log.info('leases are renewed in time again');
    else log.warn({ reason }, 'leases are not renewed, going on until another process takes over');
  }
  #isLate = false;

  /** Looks around, gives up and takes; true where something moves, so the next look should be soon. */
  async #round(): Promise<boolean> {
    try {
      const { release, acquire, isShort } = decideLanes({
        ...(await this.#look()),
        lanes: this.#options.lanes,
        self: this.#options.holder,
      });
      const given = release.filter((lane) => this.#owned.get(lane)?.leaving === null);
      for (const lane of given) detach(this.#giveUp(lane), ignoreFailure);
      const taken = await Promise.all(acquire.map((lane) => this.#take(lane)));
      return given.length > 0 || taken.includes(true) || isShort;
    } catch (thrown) {
      if (errorPolicy(thrown) === 'stop') throw thrown;
      // The renewals tell it.
      return false;
    }
  }

  async #take(lane: number): Promise<boolean> {
    // In a broker without room leases expire and nobody can take one: who works goes on.
    if (this.#owned.has(lane)) return false;
    if (!(await this.#leases.acquire(this.#leaseKey(lane)))) return false;
    this.#start(lane);
    return true;
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
    this.#owned.set(lane, { abort, ended, leaving: null });
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
        this.#options.log.warn(said, 'lane failed; taking it again');
        if (Date.now() - startedAtMs > 10_000) backoff.reset();
        await backoff.wait(signal);
      }
    }
  }

  /** Never rejects; its lease is renewed until its work has ended, so that its next owner need not wait for it. */
  #giveUp(lane: number): Promise<void> {
    const owned = this.#owned.get(lane);
    if (owned === undefined) return Promise.resolve();
    owned.leaving ??= (async () => {
      owned.abort.abort();
      await owned.ended;
      this.#owned.delete(lane);
      await this.#giveBack(() => this.#leases.release(this.#leaseKey(lane)));
      this.#options.log.debug({ lane }, 'lane released');
    })();
    return owned.leaving;
  }

  async #leave(): Promise<void> {
    // At the same time: where the broker does not answer, each takes seconds.
    await Promise.all([
      ...this.lanes.map((lane) => this.#giveUp(lane)),
      this.#giveBack(() => this.#leases.withdraw(this.#memberKey)),
    ]);
  }

  async #giveBack(what: () => Promise<void>): Promise<void> {
    try {
      await what();
    } catch (error) {
      const { message } = toWeirError(error);
      this.#options.log.debug({ reason: message }, 'leases were not given back; they expire');
    }
  }

  /** Several in the life of a lease. */
  get #roundMs(): number {
    return (this.#options.leaseMs ?? LEASE_MS) / 4;
  }

  get #memberKey(): string {
    const { role, holder } = this.#options;
    return `${KEYS[role].member}.${shortWorkerId(holder)}`;
  }

  #leaseKey(lane: number): string {
    return `${KEYS[this.#options.role].lane}.${lane}`;
  }
}
