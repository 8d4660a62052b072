import {
  type DataType,
  type StreamUpdatesResponse,
  type Update,
  UpdateType,
} from '../../../proto/gen/adiom/v1/adiom.ts';
import type { Position } from '../../../shared/change/position.ts';
import type { Relation } from '../../../shared/change/relation.ts';
import type { ConnectorLog } from '../../../shared/connector/end-options.ts';
import type { PipelinePlan } from '../../../shared/connector/plan.ts';
import type { ChangeReceiver } from '../../../shared/connector/source.ts';
import { errorPolicy } from '../../../shared/errors/error-policy.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { callStatus } from '../../../shared/grpc/call-failure.ts';
import type { Channel } from '../../../shared/grpc/channel.ts';
import { runTogether } from '../../../shared/lifecycle/run-together.ts';
import { headersOf, METHODS } from './connector-channel.ts';
import { countChanges } from './change-count.ts';
import type { KeptCursors } from './kept-cursors.ts';
import { createBackoff } from './with-retry.ts';
import { readSnapshot, type UpdatesSlice } from './plan.ts';
import { PositionMaker } from './position-maker.ts';
import { toReceivedChange } from './received-document.ts';
import { StreamProgress } from './stream-progress.ts';
import { withWholeDocuments } from './whole-documents.ts';

export interface UpdateStreamsOptions {
  channel: Channel;
  plan: PipelinePlan;
  cursors: KeptCursors;
  /** What the source can do, besides. */
  counts: boolean;
  getsByIds: boolean;
  log: ConnectorLog;
}

/** Breaks in a row before the whole session is begun anew. */
const MOST_BREAKS = 5;

/**
 * All streams of updates of a source, given on as one: a stream that breaks goes on from the last cursor it gave. What
 * came behind that cursor comes once more, in order, with new positions.
 */
export class UpdateStreams {
  readonly #options: UpdateStreamsOptions;
  readonly #slices: readonly UpdatesSlice[];
  readonly #dataType: DataType;
  readonly #all: boolean;
  readonly #relations: ReadonlyMap<string, Relation>;
  readonly #progress: StreamProgress[];
  #following: { receiver: ChangeReceiver; positions: PositionMaker } | null = null;
  #given = 0;

  constructor(options: UpdateStreamsOptions) {
    const { updates, dataType, all } = readSnapshot(options.plan);
    this.#options = options;
    this.#slices = updates;
    this.#dataType = dataType as DataType;
    this.#all = all;
    this.#relations = new Map(
      options.plan.namespaces.map(({ relation }) => [relation.namespace, relation]),
    );
    this.#progress = updates.map(() => new StreamProgress(options.counts));
  }

  async follow(from: Position, receiver: ChangeReceiver, signal: AbortSignal): Promise<void> {
    if (receiver.keepsMoves === true)
      throw new WeirError(
        'NOT_SUPPORTED',
        'the source does not report where its transactions end; use order: key',
      );
    this.#following = { receiver, positions: new PositionMaker(receiver.reached ?? from) };
    const counting = this.#options.counts
      ? this.#slices.map((_, i) => (s: AbortSignal) => this.#count(i, s))
      : [];
    await runTogether(signal, [
      ...this.#slices.map((_, i) => (s: AbortSignal) => this.#followSlice(i, s)),
      ...counting,
    ]);
  }

  get isFollowing(): boolean {
    return this.#following !== null;
  }

  /** A position that the stream has come to just now, if everything up to that instant has been given. */
  passNow(instantMs: number): Position | null {
    const nowMs = Date.now();
    if (this.#following === null) return null;
    if (!this.#progress.every((each) => each.hasComeTo(instantMs, nowMs))) return null;
    const { receiver, positions } = this.#following;
    receiver.watermark(positions.next(), nowMs);
    return positions.last;
  }

  async #followSlice(stream: number, signal: AbortSignal): Promise<void> {
    const { channel, cursors, log } = this.#options;
    const slice = this.#slices[stream]!;
    const progress = this.#progress[stream]!;
    const backoff = createBackoff();
    let cursor: Uint8Array = cursors.cursorOf(stream);
    let breaks = 0;
    while (!signal.aborted) {
      const request = { namespaces: this.#namespacesOf(slice), type: this.#dataType, cursor };
      const call = { signal, ...headersOf(slice.header, slice.value) };
      progress.opened(Date.now());
      try {
        for await (const message of channel.stream(METHODS.streamUpdates, request, call)) {
          await this.#take(stream, message, signal);
          if (signal.aborted) return;
          if (message.nextCursor.length > 0) cursor = message.nextCursor;
          breaks = 0;
          backoff.reset();
        }
        progress.closed(true, Date.now());
      } catch (error) {
        progress.closed(false, Date.now());
        if (errorPolicy(error) !== 'retry') throw lostOr(error, this.#given === 0);
        if (++breaks === MOST_BREAKS) throw error;
        log.debug({ stream }, 'stream of updates broke, going on from its last cursor');
      }
      await backoff.wait(signal);
    }
  }

  async #take(stream: number, message: StreamUpdatesResponse, signal: AbortSignal): Promise<void> {
    const { receiver, positions } = this.#following!;
    const timeMs = toMillis(message.time);
    const relation = this.#relationOf(message);
    if (relation !== undefined)
      for (const update of await this.#whole(message, signal)) {
        const change = toReceivedChange(message.namespace, this.#dataType, update);
        const { kind, key, row, partial } = change;
        receiver.change(kind, relation, positions.next(), key, row, partial);
        this.#given++;
        const room = receiver.ready();
        if (room !== undefined) await room;
        if (signal.aborted) return;
      }
    const isIdle = message.updates.length === 0;
    const at = positions.next();
    if (isIdle) receiver.watermark(at, timeMs ?? Date.now());
    else receiver.commit(at, timeMs ?? Date.now());
    const goesOn = message.nextCursor.length > 0;
    if (goesOn) this.#options.cursors.note(stream, message.nextCursor, positions.last, this.#given);
    this.#progress[stream]!.heard(message.updates.length, goesOn, timeMs, Date.now());
  }

  /** Partial updates replaced by whole documents where the source gives those; else they stay what they are. */
  #whole({ namespace, updates }: StreamUpdatesResponse, signal: AbortSignal): Promise<Update[]> {
    const isPartial = ({ type }: Update): boolean => type === UpdateType.UPDATE_TYPE_PARTIAL_UPDATE;
    if (!this.#options.getsByIds || !updates.some(isPartial)) return Promise.resolve(updates);
    return withWholeDocuments(this.#options.channel, namespace, this.#dataType, updates, signal);
  }

  async #count(stream: number, signal: AbortSignal): Promise<void> {
    const { channel, cursors } = this.#options;
    const slice = this.#slices[stream]!;
    await countChanges({
      channel,
      request: { namespaces: this.#namespacesOf(slice), cursor: cursors.cursorOf(stream) },
      call: { signal, ...headersOf(slice.header, slice.value) },
      onCount: (changes) => this.#progress[stream]!.counted(changes, Date.now()),
    });
    this.#progress[stream]!.countEnded();
  }

  /** Undefined: left out by the pipeline. */
  #relationOf({ namespace, updates }: StreamUpdatesResponse): Relation | undefined {
    if (updates.length === 0) return undefined;
    const relation = this.#relations.get(namespace);
    if (relation === undefined && this.#all)
      throw new WeirError(
        'SCHEMA_CHANGED',
        `the source has changes of ${namespace}, which was not there when the pipeline was made; run \`weir reset\` and copy again, or name the namespaces in source.namespaces`,
      );
    return relation;
  }

  #namespacesOf({ namespaces }: UpdatesSlice): string[] {
    const planned = [...this.#relations.keys()];
    if (namespaces.length === 0) return this.#all ? [] : planned;
    return namespaces.filter((namespace) => this.#all || this.#relations.has(namespace));
  }
}

function toMillis(time: StreamUpdatesResponse['time']): number | null {
  if (time === undefined) return null;
  return Number(time.seconds) * 1_000 + time.nanos / 1e6;
}

/** A stream that is refused before it gave anything does not know its cursor, as a rule. */
function lostOr(error: unknown, atStart: boolean): unknown {
  const isRefusal = error instanceof WeirError && error.code === 'SOURCE_UNFIT';
  if (!atStart || !isRefusal || callStatus(error) === null) return error;
  return new WeirError(
    'POSITION_LOST',
    `${error.message}; if the source no longer has the log at the position of this pipeline, run \`weir reset\` and copy again`,
    { cause: error, details: error.details },
  );
}
