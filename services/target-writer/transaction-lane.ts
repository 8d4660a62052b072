import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { LaneProgress, OrderedWriter, Sink } from '../../shared/connector/sink.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { type Delivery, LaneConsumer } from '../../shared/hub/lane-consumer.ts';
import { streamName } from '../../shared/hub/names.ts';
import { publishNotice } from '../../shared/hub/notices.ts';
import { deleteConsumer, laneCapacity, takeLaneConsumer } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { Sequencer } from './sequencer.ts';
import { TransactionBatch, WrittenChanges } from './transaction-batch.ts';
import { failpoint } from '../../shared/lifecycle/failpoint.ts';
import type { WriterContext } from './writer-context.ts';

/**
 * A transaction may be larger than its lane, and the rest of it comes only when there is room: of a large one the
 * frames are let go of as it goes on. Should it then fail, they are gone, and the reader sends them again.
 */
const MAX_HELD_BYTES = 48 << 20;
/** A transaction whose rest does not come for so long is given up: what it has locked at the target is wanted. */
const QUIET_MS = 30_000;
const ASK_EVERY_MS = 1_000;

/**
 * Applies the one lane of a pipeline with `order: transaction`: whole transactions in the order of their commits.
 * Several small ones become visible together, a large one is applied as it comes and becomes visible at its end.
 */
export class TransactionLane {
  readonly #context: WriterContext;
  readonly #consumer: LaneConsumer;
  readonly #writer: OrderedWriter;
  readonly #maxHeldBytes: number;
  /** What the target has committed. */
  #progress: LaneProgress;
  #sequencer: Sequencer;
  #batch: TransactionBatch;
  /** Something was written and not committed. */
  #isOpen = false;
  #written = new WrittenChanges();
  /** Of the frames of that: not acknowledged yet, and how many bytes those have. */
  #held: string[] = [];
  #heldBytes = 0;
  #readerEpoch = 0;
  #askedAtMs = 0;
  #namespaces: string[] = [];

  private constructor(
    context: WriterContext,
    consumer: LaneConsumer,
    progress: LaneProgress,
    maxHeldBytes: number,
  ) {
    this.#context = context;
    this.#consumer = consumer;
    this.#writer = createWriter(context.sink);
    this.#maxHeldBytes = maxHeldBytes;
    this.#progress = progress;
    this.#sequencer = new Sequencer(progress);
    this.#batch = new TransactionBatch(progress);
  }

  /** Takes the lane and applies it until aborted. */
  static async run(context: WriterContext, lane: number, signal: AbortSignal): Promise<void> {
    const { hub, pipeline, sink, log } = context;
    const progress = await sink.openLane(lane);
    const stream = streamName(pipeline, 'lane', lane);
    const name = `L${String(lane).padStart(2, '0')}-E${progress.epoch}`;
    while ((await takeLaneConsumer(hub.control, stream, name)) === null) {
      await pause(250, signal);
      if (signal.aborted) return;
    }
    log.debug({ lane, epoch: progress.epoch, position: progress.position }, 'lane taken');
    const capacity = (await laneCapacity(hub.control, stream)) ?? 0;
    const consumer = new LaneConsumer(hub.consuming, stream, name);
    const maxHeldBytes = Math.min(MAX_HELD_BYTES, capacity / 4);
    const taken = new TransactionLane(context, consumer, progress, maxHeldBytes);
    try {
      await taken.#run(signal);
      await deleteConsumer(hub.control, stream, name);
    } finally {
      consumer.close();
      await taken.#writer.close();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    let delivery = await this.#consumer.next(signal);
    while (delivery !== null) {
      await this.#take(delivery, signal);
      if (signal.aborted) break;
      // A transaction that is open at the target is committed as soon as it is whole.
      if (this.#batch.isFull || (this.#batch.isWhole && this.#isOpen)) await this.#write(null);
      delivery = this.#consumer.poll();
      if (delivery !== null) continue;
      if (this.#batch.isWhole) await this.#write(null);
      delivery = await this.#next(signal);
    }
    if (this.#batch.isWhole) await this.#write(null);
  }

  async #take(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const frame = decodeFrame(delivery.bytes);
    if (frame.readerEpoch > this.#readerEpoch) await this.#followReader(frame.readerEpoch);
    const { gate, relations } = this.#context;
    if (!(await this.#accept(frame))) return this.#consumer.acknowledge(delivery.replies);
    if (!gate.isOpen(this.#namespaces, frame.last)) {
      if (this.#batch.isWhole) await this.#write(null);
      await gate.wait(this.#namespaces, frame.last, signal);
      if (signal.aborted) return;
    }
    const { barrier } = frame.body;
    if (barrier !== undefined) await this.#write(null);
    this.#batch.add(frame, delivery.replies, relations.intern);
    if (barrier !== undefined) await this.#write(barrier);
  }

  /** Of what an earlier reader sent, the end will not come; and the plan may have other namespaces now. */
  async #followReader(readerEpoch: number): Promise<void> {
    if (this.#batch.isWhole) await this.#write(null);
    else await this.#giveUp();
    const state = await this.#context.sink.readState();
    this.#namespaces = state?.plan.namespaces.map(({ relation }) => relation.namespace) ?? [];
    this.#readerEpoch = readerEpoch;
  }

  /**
   * False where the frame is of no use: it was applied, or something before it is missing. Then its reader sends all
   * that is not committed once more, and until then whatever comes is dropped.
   */
  async #accept(frame: Frame): Promise<boolean> {
    try {
      return this.#sequencer.accept(frame) === 'apply';
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (!this.#batch.isWhole) await this.#giveUp();
      this.#askAgain(frame.readerEpoch, error.message);
      return false;
    }
  }

  /** The next frame; where the rest of an open transaction does not come, that is given up meanwhile. */
  async #next(signal: AbortSignal): Promise<Delivery | null> {
    if (!this.#isOpen) return this.#consumer.next(signal);
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), QUIET_MS);
    const delivery = await this.#consumer.next(AbortSignal.any([signal, quiet.signal]));
    clearTimeout(timer);
    if (delivery !== null || signal.aborted) return delivery;
    const { lane } = this.#progress;
    this.#context.log.warn({ lane }, 'the rest of a transaction did not arrive; rolling it back');
    await this.#giveUp();
    this.#askAgain(this.#readerEpoch, 'the rest of a transaction did not come');
    return this.#consumer.next(signal);
  }

  #askAgain(readerEpoch: number, reason: string): void {
    const { hub, pipeline } = this.#context;
    // Of many frames in a row one tells it; a lost notice is repeated with a later frame.
    if (Date.now() - this.#askedAtMs < ASK_EVERY_MS) return;
    this.#askedAtMs = Date.now();
    publishNotice(hub.control, pipeline, { kind: 'rewind', readerEpoch, reason });
  }

  /** Back to what the target has committed. */
  async #giveUp(): Promise<void> {
    await this.#writer.close();
    this.#consumer.acknowledge([...this.#held, ...this.#batch.replies]);
    this.#startAt(this.#progress);
    this.#sequencer = new Sequencer(this.#progress);
  }

  async #write(barrier: Barrier | null): Promise<void> {
    const batch = this.#batch;
    if (batch.isEmpty) return;
    const ordered = batch.toOrderedBatch(barrier);
    this.#held.push(...batch.replies);
    this.#heldBytes += batch.bytes;
    this.#written.add(batch, ordered.counts);
    if (ordered.commit) {
      failpoint('changes-ready');
      await this.#context.meter.commit(this.#written, () => this.#writer.write(ordered));
      failpoint('changes-committed');
      this.#consumer.acknowledge(this.#held);
      this.#progress = ordered.after;
      this.#startAt(ordered.after);
      this.#tell();
      return;
    }
    await this.#writer.write(ordered);
    this.#isOpen = true;
    this.#batch = new TransactionBatch(ordered.after, true);
    if (this.#heldBytes <= this.#maxHeldBytes) return;
    this.#consumer.acknowledge(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
  }

  #startAt(progress: LaneProgress): void {
    this.#batch = new TransactionBatch(progress);
    this.#held = [];
    this.#heldBytes = 0;
    this.#written = new WrittenChanges();
    this.#isOpen = false;
  }

  #tell(): void {
    const { lane, position } = this.#progress;
    this.#context.progress.moved(lane, position);
  }
}

function createWriter(sink: Sink): OrderedWriter {
  const writer = sink.createOrderedWriter?.();
  if (writer === undefined)
    throw new WeirError(
      'NOT_SUPPORTED',
      'the target of this pipeline cannot apply whole transactions; use order: key',
    );
  return writer;
}
