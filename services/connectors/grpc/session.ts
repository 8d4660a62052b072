import type { Capabilities_Source, DataType } from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Position } from '../../../shared/change/position.ts';
import type { ConnectorLog } from '../../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type {
  ChangeReceiver,
  ChunkReceiver,
  KeptState,
  SourceSession,
} from '../../../shared/connector/source.ts';
import type { Chunk } from '../../../shared/connector/chunk.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { KeptCursors } from './kept-cursors.ts';
import { listPages, PageCursorGone } from './list-pages.ts';
import { readSnapshot } from './plan.ts';
import { UpdateStreams } from './update-streams.ts';

/** How long to wait until everything that was there when the question came has been given. */
const HEAD_MS = 4_000;
const LOOK_MS = 50;

export interface GrpcSessionOptions {
  channel: Channel;
  plan: PipelinePlan;
  capabilities: Capabilities_Source;
  kept: unknown;
  /** Chunks whose place was lost already: by the second time it is no accident. */
  begunAgain: Set<number>;
  log: ConnectorLog;
}

/** A pipeline at a source that speaks `adiom.v1`, from the cursors that the target has. */
export class GrpcSession implements SourceSession {
  readonly plan: PipelinePlan;
  readonly sideStateMs = 1_000;
  readonly #options: GrpcSessionOptions;
  readonly #dataType: DataType;
  readonly #cursors: KeptCursors;
  readonly #streams: UpdateStreams;
  readonly #closed = new AbortController();

  constructor(options: GrpcSessionOptions) {
    const { channel, plan, capabilities, kept, log } = options;
    const snapshot = readSnapshot(plan);
    this.#options = options;
    this.plan = plan;
    this.#dataType = snapshot.dataType as DataType;
    this.#cursors = new KeptCursors(snapshot, kept);
    this.#streams = new UpdateStreams({
      channel,
      plan,
      cursors: this.#cursors,
      counts: capabilities.lsnStream,
      getsByIds: capabilities.getByIds,
      log,
    });
  }

  async listData(
    chunk: Chunk,
    receive: ChunkReceiver,
    signal: AbortSignal,
  ): Promise<{ rows: number }> {
    const { channel, begunAgain } = this.#options;
    try {
      return { rows: await listPages(channel, this.#dataType, chunk, receive, signal) };
    } catch (error) {
      if (signal.aborted) return { rows: 0 };
      if (!(error instanceof PageCursorGone)) throw error;
      if (begunAgain.has(chunk.id)) throw new WeirError('SOURCE_UNFIT', error.message);
      begunAgain.add(chunk.id);
      throw error;
    }
  }

  streamUpdates(from: Position, receiver: ChangeReceiver, signal: AbortSignal): Promise<void> {
    return this.#streams.follow(from, receiver, signal);
  }

  release(position: Position): void {
    this.#cursors.release(position);
  }

  async head(): Promise<Position | null> {
    if (!this.#streams.isFollowing) return null;
    const askedAtMs = Date.now();
    const { signal } = this.#closed;
    for (;;) {
      const position = this.#streams.passNow(askedAtMs);
      if (position !== null || signal.aborted || Date.now() - askedAtMs > HEAD_MS) return position;
      await pause(LOOK_MS, signal);
    }
  }

  sideState(): Promise<KeptState> {
    return Promise.resolve(this.#cursors.state());
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#options.channel.close();
  }
}
