import type { Logger } from 'pino';
import type { Relation } from '../../shared/change/relation.ts';
import type { NamespacePlan, PipelinePlan } from '../../shared/connector/plan.ts';
import type { SourceSession } from '../../shared/connector/source.ts';
import type { Chunk } from '../../shared/connector/chunk.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import type { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import type { CopyProgress } from '../../shared/progress/status.ts';
import { ChunkParts, refusedRows } from './chunk-parts.ts';
import { ChunkSender } from './chunk-sender.ts';
import type { TargetClient } from './target-client.ts';
import { TupleChunkSender } from './tuple-chunk-sender.ts';

const POLL_MS = 2_000;
const FINISHING_MS = 100;
/** A chunk that the target still lacks although its lane is empty for so many polls was lost on the way. */
const POLLS_UNTIL_LOST = 3;

export interface SnapshotCopierOptions {
  session: SourceSession;
  target: TargetClient;
  publishers: readonly LanePublisher[];
  /** Messages waiting in a chunk lane; null where its stream is gone. */
  countWaiting: (lane: number) => Promise<number | null>;
  readerEpoch: number;
  readers: number;
  /** A transformer reads the rows in flight. */
  transformed: boolean;
  /** What becomes of rows that the source could not understand; see the pipeline file. */
  onBadRow: 'stop' | 'park';
  log: Logger;
  /** How often the target is asked what it has. */
  pollMs?: number;
}

/**
 * Reads the chunks that the target lacks, several at once, and sends each whole into a lane that has none.
 * A chunk is done when the target says that it has it; one that got lost on the way is read again.
 */
export class SnapshotCopier {
  readonly #options: SnapshotCopierOptions;
  readonly #waiting: Chunk[] = [];
  readonly #pending = new Map<number, Chunk>();
  readonly #sent = new Map<number, { lane: number; polls: number }>();
  /** Lanes with a chunk that the target has not committed: what a reader that dies leaves to be read again. */
  readonly #busy = new Set<number>();
  #lastLane = -1;
  readonly progress: Record<string, CopyProgress> = {};
  #wake: (() => void)[] = [];
  #lastChunk = new AbortController();

  constructor(options: SnapshotCopierOptions) {
    this.#options = options;
    for (const namespace of options.session.plan.namespaces) {
      this.progress[namespace.relation.namespace] = toProgress(namespace);
      for (const chunk of namespace.chunks) {
        this.#waiting.push(chunk);
        this.#pending.set(chunk.id, chunk);
      }
    }
    // Chunks to be merged wait for the lanes, and keep others behind them waiting.
    this.#waiting.sort((a, b) => Number(a.how === 'merge') - Number(b.how === 'merge'));
  }

  get isDone(): boolean {
    return this.#pending.size === 0 && Object.values(this.progress).every((p) => p.ready);
  }

  /** Returns when every namespace is in the target and ready. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.isDone) return;
    const done = new AbortController();
    const readers = Array.from(
      { length: this.#options.readers },
      () => (inner: AbortSignal) => this.#read(inner),
    );
    await runTogether(AbortSignal.any([signal, done.signal]), [
      ...readers,
      async (inner) => {
        await this.#follow(inner);
        done.abort();
      },
    ]);
  }

  /** The target has committed a chunk. */
  onChunkDone(id: number, rows: number): void {
    const chunk = this.#pending.get(id);
    if (chunk === undefined) return;
    this.#pending.delete(id);
    const progress = this.progress[chunk.namespace]!;
    progress.chunksDone++;
    progress.rowsDone += rows;
    progress.bytesDone += chunk.estimatedBytes;
    this.#unload(id);
    if (this.#pending.size === 0) this.#lastChunk.abort();
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lane = this.#freeLane();
      const chunk = lane === null ? undefined : this.#waiting.shift();
      if (lane === null || chunk === undefined) {
        await this.#waitForChange(signal);
        continue;
      }
      if (!this.#pending.has(chunk.id)) continue;
      this.#busy.add(lane);
      const publisher = this.#options.publishers[lane]!;
      const sender = this.#createSender(chunk, lane, publisher);
      const { rows, refused = [] } = await this.#options.session.listData(
        chunk,
        (bytes) => sender.receive(bytes),
        signal,
      );
      if (signal.aborted) return;
      const [first] = refused;
      if (first !== undefined && this.#options.onBadRow === 'stop')
        throw new WeirError('ROW_REFUSED', first.message);
      sender.finish({
        rows,
        ...(refused.length > 0 && refusedRows(this.#relationOf(chunk), refused)),
      });
      // Only what the broker has can be missed there.
      await publisher.drained();
      this.#sent.set(chunk.id, { lane, polls: 0 });
      if (!this.#pending.has(chunk.id)) this.#unload(chunk.id);
    }
  }

  #createSender(
    chunk: Chunk,
    lane: number,
    publisher: LanePublisher,
  ): ChunkSender | TupleChunkSender {
    const { readerEpoch, transformed } = this.#options;
    if (!transformed)
      return new ChunkSender(new ChunkParts(chunk, lane, readerEpoch, publisher, null));
    return new TupleChunkSender(
      new ChunkParts(chunk, lane, readerEpoch, publisher, this.#relationOf(chunk)),
    );
  }

  #relationOf({ namespace }: Chunk): Relation {
    const { namespaces } = this.#options.session.plan;
    return namespaces.find(({ relation }) => relation.namespace === namespace)!.relation;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#compareWithTarget();
      if (this.isDone) return;
      // The last chunk ends the wait: what is left is for the target to finish.
      this.#lastChunk = new AbortController();
      const everyMs = this.#pending.size === 0 ? FINISHING_MS : (this.#options.pollMs ?? POLL_MS);
      await pause(everyMs, AbortSignal.any([signal, this.#lastChunk.signal]));
    }
  }

  async #compareWithTarget(): Promise<void> {
    const { target } = this.#options;
    if (this.#pending.size === 0) await target.askIfPresent({ op: 'finish' });
    const state = await target.askIfPresent({ op: 'state' });
    if (state === undefined) return;
    if (state !== null) this.#takeOver(state.plan);
    for (const [id, sent] of this.#sent) {
      const waiting = await this.#options.countWaiting(sent.lane);
      // It has come to the target while that was asked.
      if (this.#sent.get(id) !== sent) continue;
      if (waiting === null)
        throw new WeirError(
          'BROKER_LOST_DATA',
          `the stream of chunk lane ${sent.lane} is gone from the broker`,
        );
      sent.polls = waiting === 0 ? sent.polls + 1 : 0;
      if (sent.polls < POLLS_UNTIL_LOST) continue;
      this.#options.log.warn({ chunk: id }, 'chunk was lost on the way, reading it again');
      const chunk = this.#pending.get(id);
      this.#unload(id);
      if (chunk !== undefined) this.#waiting.push(chunk);
    }
  }

  #takeOver(plan: PipelinePlan): void {
    const missing = new Set(plan.namespaces.flatMap((n) => n.chunks.map((chunk) => chunk.id)));
    for (const id of [...this.#pending.keys()]) {
      if (missing.has(id)) continue;
      this.#pending.delete(id);
      this.#unload(id);
    }
    for (const namespace of plan.namespaces) {
      const { namespace: name } = namespace.relation;
      this.progress[name] = toProgress(namespace, this.progress[name]?.bytesTotal);
    }
  }

  /** In turn, so that each writer gets its share; null while every lane has a chunk: the copy's back-pressure. */
  #freeLane(): number | null {
    const { length } = this.#options.publishers;
    for (let i = 1; i <= length; i++) {
      const lane = (this.#lastLane + i) % length;
      if (!this.#busy.has(lane)) return (this.#lastLane = lane);
    }
    return null;
  }

  #unload(id: number): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) return;
    this.#sent.delete(id);
    this.#busy.delete(sent.lane);
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #waitForChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#wake.push(done);
    });
  }
}

function toProgress(
  { chunks, chunksDone, rowsDone, state }: NamespacePlan,
  knownTotal?: number,
): CopyProgress {
  const bytesLeft = chunks.reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0);
  const chunksTotal = chunks.length + chunksDone;
  const estimated = chunks.length === 0 ? 0 : (bytesLeft * chunksTotal) / chunks.length;
  const bytesTotal = Math.round(knownTotal ?? estimated);
  return {
    chunksTotal,
    chunksDone,
    rowsDone,
    bytesTotal,
    bytesDone: Math.max(0, bytesTotal - bytesLeft),
    ready: state === 'ready',
  };
}
