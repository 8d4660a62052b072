import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { unmatchedNames } from '../../shared/config/unmatched-names.ts';
import { maxPosition, minPosition, type Position } from '../../shared/change/position.ts';
import type { PipelineState } from '../../shared/connector/sink.ts';
import type { ChangeCounts } from '../../shared/change/change-counts.ts';
import type { Source, SourceSession } from '../../shared/connector/source.ts';
import type { PipelinePlan } from '../../shared/connector/plan.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import type { LaneKind } from '../../shared/hub/names.ts';
import { watchNotices } from '../../shared/hub/notices.ts';
import { countWaiting } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { failpoint } from '../../shared/lifecycle/failpoint.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import type { DesiredState } from '../../shared/progress/desired-state.ts';
import { addCounts, settledCounts } from '../../shared/progress/balance.ts';
import type { Notice } from '../../shared/progress/notice.ts';
import { addChanges, noChanges } from '../../shared/progress/change-kinds.ts';
import type { ReaderMark } from '../../shared/progress/reader-requests.ts';
import type { CopyProgress, ReaderStatus } from '../../shared/progress/status.ts';
import { ChangeRouter } from './change-router.ts';
import { openLanePublishers } from './lane-publishers.ts';
import { LaneWriter } from './lane-writer.ts';
import { addSent, type MeteredEpoch, type ReaderTotals } from './reader-meter.ts';
import type { PlanShape } from './plan-shape.ts';
import { reachedBy, refuseOtherOrder } from './known-state.ts';
import { ReleaseTracker } from './release-tracker.ts';
import { SnapshotCopier } from './snapshot-copier.ts';
import { TargetClient } from './target-client.ts';

export interface ReaderEpochOptions {
  spec: PipelineSpec;
  source: Source;
  dataType: string;
  /** Null where the target gets the rows as they are read. */
  planShape: PlanShape | null;
  hub: Hub;
  log: Logger;
  signal: AbortSignal;
}

const WATERMARK_MS = 1_000;
const STATE_MS = 5_000;
const SIDE_STATE_MS = 10_000;
/** An idle source says nothing by itself: after this long it is asked for a marker, which comes through the stream. */
const SILENCE_MS = 20_000;

/** One life of the reader, from what the target holds to a failure or the end. */
export class ReaderEpoch implements MeteredEpoch {
  readonly number: number;
  readonly #options: ReaderEpochOptions;
  readonly #session: SourceSession;
  readonly #target: TargetClient;
  readonly #publishers: Record<LaneKind, LanePublisher[]>;
  readonly #router: ChangeRouter;
  readonly #copier: SnapshotCopier;
  readonly #releases: ReleaseTracker;
  readonly #start: Position;
  readonly #settled: Record<string, ChangeCounts>;
  readonly #failed = new AbortController();
  readonly #ended = new AbortController();
  #finished = false;

  private constructor(
    options: ReaderEpochOptions,
    number: number,
    session: SourceSession,
    target: TargetClient,
    state: PipelineState | null,
    together: readonly string[],
    lanePublishers: LanePublisher[],
    chunkPublishers: LanePublisher[],
  ) {
    const { spec, hub, planShape, log } = options;
    this.#options = options;
    this.number = number;
    this.#session = session;
    this.#target = target;
    this.#publishers = { lane: lanePublishers, chunk: chunkPublishers };
    this.#settled = settledCounts(state);
    const starts = lanePublishers.map(
      (_, lane) =>
        state?.lanes.find((progress) => progress.lane === lane)?.position ?? session.plan.start,
    );
    this.#start = minPosition(starts) ?? session.plan.start;
    this.#releases = new ReleaseTracker(starts, (position) => session.release(position));
    const whole = spec.order === 'transaction';
    this.#router = new ChangeRouter(
      lanePublishers.map(
        (publisher, lane) => new LaneWriter(lane, publisher, number, starts[lane]!, whole),
      ),
      starts,
      whole ? lastSettled(session.plan) : mergePosition(session.plan),
      whole,
      together,
    );
    this.#copier = new SnapshotCopier({
      session,
      target,
      publishers: chunkPublishers,
      countWaiting: (lane) => countChunks(hub, spec.name, lane, planShape !== null),
      transformed: planShape !== null,
      onBadRow: spec.onBadRow,
      readerEpoch: number,
      readers: spec.readers,
      log,
    });
  }

  static async begin(options: ReaderEpochOptions): Promise<ReaderEpoch> {
    const { spec, source, dataType, planShape, hub, log, signal } = options;
    const target = new TargetClient(hub, spec.name);
    const known = await target.waitForState(log, signal);
    refuseOtherOrder(spec, known);
    const scope = {
      mode: spec.mode,
      namespaces: spec.source.namespaces,
      lanes: spec.lanes,
      dataType,
      onWaitingDdl: spec.source.onWaitingDdl,
      ...reachedBy(known),
      ...(known === null ? {} : { kept: known.kept }),
    };
    const plan = known?.plan ?? null;
    const knownToSource = plan === null ? null : (planShape?.toSource(plan) ?? plan);
    const session = await source.open(scope, knownToSource, signal);
    log.debug('source opened');
    const opened: LanePublisher[] = [];
    const life: { epoch?: ReaderEpoch } = {};
    try {
      if (plan === null) refuseUnmatched(spec, session.plan, source);
      const number = await target.ask({ op: 'begin' });
      const planned = planShape?.toTarget(session.plan) ?? session.plan;
      const together = await target.ask({ op: 'plan', plan: planned, readerEpoch: number });
      const state = await target.ask({ op: 'state' });
      failpoint('plan-saved');
      log.debug({ epoch: number }, 'plan is in the target');
      for (const kind of ['lane', 'chunk'] as const)
        opened.push(
          ...(await openLanePublishers({
            hub,
            pipeline: spec.name,
            kind,
            lanes: kind === 'lane' ? spec.lanes : spec.copyLanes,
            transformed: planShape !== null,
            onFailure: (error) => life.epoch?.fail(error),
          })),
        );
      failpoint('lanes-emptied');
      log.info(
        {
          epoch: number,
          namespaces: session.plan.namespaces.length,
          chunks: session.plan.namespaces.reduce((sum, n) => sum + n.chunks.length, 0),
        },
        'reader epoch began',
      );
      life.epoch = new ReaderEpoch(
        options,
        number,
        session,
        target,
        state,
        together,
        opened.slice(0, spec.lanes),
        opened.slice(spec.lanes),
      );
      return life.epoch;
    } catch (error) {
      for (const publisher of opened) publisher.close();
      await session.close();
      throw error;
    }
  }

  get phase(): ReaderStatus['phase'] {
    if (this.#finished) return 'finished';
    return this.#copier.isDone ? 'streaming' : 'snapshotting';
  }

  /** Why nothing goes on although nothing has failed; null where it does. */
  get problem(): string | null {
    const publishers = Object.values(this.#publishers).flat();
    return publishers.find(({ blocked }) => blocked !== null)?.blocked ?? null;
  }

  get copy(): Record<string, CopyProgress> {
    return this.#copier.progress;
  }

  get lagMs(): number | null {
    const { sourceTimeMs } = this.#router;
    return sourceTimeMs === 0 ? null : Math.max(0, Date.now() - sourceTimeMs);
  }

  get heardAtMs(): number {
    return this.#router.heardAtMs;
  }

  get largestTransaction(): number {
    return this.#router.largestTransaction;
  }

  get totals(): ReaderTotals {
    const { counts, transactions, waitedMs } = this.#router;
    const { lane, chunk } = this.#publishers;
    const changes = noChanges();
    for (const each of counts.values()) addChanges(changes, each);
    const none = { frames: 0, bytes: 0, refused: 0 };
    const sent = (all: LanePublisher[]) => all.map((each) => each.sent).reduce(addSent, none);
    return { changes, transactions, waitedMs, sent: { lane: sent(lane), chunk: sent(chunk) } };
  }

  /** What the target had settled when the epoch began, and what was read since: nothing is counted twice. */
  get read(): Record<string, ChangeCounts> {
    return addCounts([this.#settled, Object.fromEntries(this.#router.counts)]);
  }

  /** A position behind everything committed so far; every lane will be told when the stream has passed it. */
  async head(): Promise<Position | null> {
    const head = await this.#session.head();
    if (head !== null) this.#router.announce(head);
    return head;
  }

  /** Counted before the position is asked for: all of it stands before it. */
  async mark(reached?: Position): Promise<ReaderMark> {
    const { read, number: readerEpoch } = this;
    const head = this.phase === 'streaming' ? await this.head() : null;
    const { source } = this.#options;
    const bytesBehind =
      head === null || reached === undefined
        ? null
        : (source.bytesBetween?.(reached, head) ?? null);
    return { read, readerEpoch, head, bytesBehind };
  }

  async sendSideState(): Promise<void> {
    const state = await this.#session.sideState();
    if (state !== null) await this.#target.askIfPresent({ op: 'sideState', state });
  }

  fail(error: unknown): void {
    if (!this.#failed.signal.aborted) this.#failed.abort(error);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { spec, hub, log } = this.#options;
    const stop = watchNotices(hub.control, spec.name, (notice) => this.#onNotice(notice));
    const inner = AbortSignal.any([signal, this.#failed.signal, this.#ended.signal]);
    const copies = !this.#copier.isDone;
    try {
      await runTogether(inner, [
        async (s) => {
          await this.#copier.run(s);
          if (s.aborted) return;
          if (copies) log.info({ epoch: this.number }, 'copy is in the target');
          if (spec.mode !== 'snapshot') return;
          await this.sendSideState();
          this.#finished = true;
          this.#ended.abort();
        },
        async (s) => {
          if (spec.mode !== 'snapshot')
            await this.#session.streamUpdates(this.#start, this.#router, s);
        },
        (s) => this.#every(WATERMARK_MS, s, async () => this.#router.advanceIdleLanes()),
        (s) =>
          this.#every(this.#session.sideStateMs ?? SIDE_STATE_MS, s, () => this.sendSideState()),
        (s) => this.#every(SIDE_STATE_MS, s, () => this.#breakSilence()),
        (s) => this.#every(SIDE_STATE_MS, s, () => this.#requireRouting()),
        (s) => this.#every(STATE_MS, s, () => this.#pollProgress()),
        (s) => this.#every(STATE_MS, s, async () => this.#tellProblem()),
      ]);
    } finally {
      stop();
    }
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason;
  }

  async close(): Promise<void> {
    this.#router.close();
    for (const publishers of Object.values(this.#publishers))
      for (const publisher of publishers) publisher.close();
    await this.#session.close();
  }

  #onNotice(notice: Notice): void {
    if (notice.kind === 'progress')
      for (const { lane, position } of notice.lanes) this.#releases.advance(lane, position);
    else if (notice.kind === 'chunk') this.#copier.onChunkDone(notice.id, notice.rows);
    else if (notice.kind === 'desired') this.#heed(notice.desired);
    // An earlier reader's frames, too, can have slipped into a lane behind its emptying; only another one removes them.
    else if (notice.kind === 'rewind' && notice.readerEpoch <= this.number)
      this.fail(new WeirError('BROKER_LOST_DATA', notice.reason));
  }

  async #pollProgress(): Promise<void> {
    const state = await this.#target.askIfPresent({ op: 'progress' });
    if (state === undefined) return;
    if (state === null)
      throw new WeirError(
        'POSITION_LOST',
        'the target has lost the state of this pipeline; run `weir reset` and copy again',
      );
    if (state.readerEpoch !== this.number)
      throw new WeirError('FENCED', 'another reader has taken over this pipeline');
    for (const { lane, position } of state.lanes) this.#releases.advance(lane, position);
    this.#heed(state.desired);
  }

  /** An index that the target got since this life began asks for another routing, with which only another life begins. */
  async #requireRouting(): Promise<void> {
    const bound = (await this.#target.askIfPresent({ op: 'together' })) ?? [];
    const added = bound.filter((namespace) => !this.#router.together.has(namespace));
    if (added.length === 0) return;
    throw new WeirError(
      'TARGET_CHANGED',
      `a unique index at the target binds rows of ${added.join(', ')} to each other since the pipeline was started, so their changes go through one lane from here on`,
    );
  }

  async #breakSilence(): Promise<void> {
    const silenceMs = Date.now() - this.heardAtMs;
    if (this.phase === 'streaming' && silenceMs > SILENCE_MS) await this.head();
  }

  /** Once when it comes, and once when it has gone. */
  #tellProblem(): void {
    const { problem } = this;
    if ((problem === null) === (this.#told === null)) return;
    this.#told = problem;
    const { log } = this.#options;
    if (problem === null) log.info('the broker accepts frames again');
    else log.warn({ reason: problem }, 'the broker accepts no frames');
  }
  #told: string | null = null;

  #heed(desired: DesiredState): void {
    if (desired !== 'running') this.#ended.abort();
  }

  async #every(ms: number, signal: AbortSignal, task: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await pause(ms, signal);
      if (!signal.aborted) await task();
    }
  }
}

/** Those in flight to a transformer, too; null where a stream is gone. */
async function countChunks(
  hub: Hub,
  pipeline: string,
  lane: number,
  transformed: boolean,
): Promise<number | null> {
  const kinds = transformed ? (['raw-chunk', 'chunk'] as const) : (['chunk'] as const);
  let sum = 0;
  // In the order of their way: one that is between the two is counted twice rather than not at all.
  for (const kind of kinds) {
    const waiting = await countWaiting(hub.control, { pipeline, kind, lane });
    if (waiting === null) return null;
    sum += waiting;
  }
  return sum;
}

/** The instant that the chunks to be merged show; null where there are none. A plan has one snapshot. */
/** A slip in the pipeline file must not be found when the rows are where nobody wants them. */
function refuseUnmatched(spec: PipelineSpec, { namespaces }: PipelinePlan, source: Source): void {
  const names = namespaces.map(({ relation }) => relation.namespace);
  const parts = namespaces.flatMap((each) => source.partsOf?.(each) ?? []);
  const unmatched = unmatchedNames(spec, names, parts);
  if (unmatched.length === 0) return;
  const told = unmatched.map(({ subject, message }) => `${subject} ${message}`).join('; ');
  throw new WeirError('CONFIG_INVALID', told);
}

function mergePosition({ namespaces }: PipelinePlan): Position | null {
  const merged = namespaces.find(({ chunks }) => chunks.some(({ how }) => how === 'merge'));
  return merged?.settled ?? null;
}

/** No transaction may be begun before the instant that a copy shows, and wait for that copy in its middle. */
function lastSettled({ namespaces }: PipelinePlan): Position | null {
  return maxPosition(namespaces.map(({ settled }) => settled));
}
