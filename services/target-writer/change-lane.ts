import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { LaneProgress } from '../../shared/connector/sink.ts';
import type { Barrier } from '../../shared/change/barrier.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { type Delivery, LaneConsumer } from '../../shared/hub/lane-consumer.ts';
import { streamName } from '../../shared/hub/names.ts';
import { publishNotice } from '../../shared/hub/notices.ts';
import { deleteConsumer, takeLaneConsumer } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { failpoint } from '../../shared/lifecycle/failpoint.ts';
import { carryOutBarrier } from './barrier.ts';
import { ChangeBatch } from './change-batch.ts';
import { Sequencer } from './sequencer.ts';
import type { WriterContext } from './writer-context.ts';

/**
 * Applies one lane's changes in order, from the target's progress on. Frames that wait are committed together, so a
 * lane that is behind takes larger steps. A frame is acknowledged after its commit, never before; on any failure
 * the lane is left to its owner, who starts it anew.
 */
export class ChangeLane {
  readonly #context: WriterContext;
  readonly #consumer: LaneConsumer;
  readonly #sequencer: Sequencer;
  #progress: LaneProgress;
  #batch: ChangeBatch;

  private constructor(context: WriterContext, consumer: LaneConsumer, progress: LaneProgress) {
    this.#context = context;
    this.#consumer = consumer;
    this.#sequencer = new Sequencer(progress);
    this.#progress = progress;
    this.#batch = new ChangeBatch(progress);
  }

  /** Takes the lane and applies it until aborted. */
  static async run(context: WriterContext, lane: number, signal: AbortSignal): Promise<void> {
    const { hub, pipeline, sink, log } = context;
    const progress = await sink.openLane(lane);
    failpoint('lane-taken');
    const stream = streamName(pipeline, 'lane', lane);
    const name = `L${String(lane).padStart(2, '0')}-E${progress.epoch}`;
    while ((await takeLaneConsumer(hub.control, stream, name)) === null) {
      await pause(250, signal);
      if (signal.aborted) return;
    }
    log.debug({ lane, epoch: progress.epoch, position: progress.position }, 'lane taken');
    const consumer = new LaneConsumer(hub.consuming, stream, name);
    try {
      await new ChangeLane(context, consumer, progress).#run(signal);
      await deleteConsumer(hub.control, stream, name);
    } finally {
      consumer.close();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    let delivery = await this.#consumer.next(signal);
    while (delivery !== null) {
      await this.#take(delivery, signal);
      if (signal.aborted) break;
      if (this.#batch.isFull) await this.#commit();
      delivery = this.#consumer.poll();
      if (delivery !== null) continue;
      await this.#commit();
      delivery = await this.#consumer.next(signal);
    }
    await this.#commit();
  }

  async #take(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const frame = decodeFrame(delivery.bytes);
    if (this.#accept(frame) === 'skip') {
      this.#consumer.acknowledge(delivery.replies);
      return;
    }
    const { gate, relations } = this.#context;
    const namespaces = namespacesOf(frame);
    if (frame.readerEpoch > gate.readerEpoch) await gate.follow(frame.readerEpoch);
    if (!gate.isOpen(namespaces, frame.last)) {
      await this.#commit();
      await gate.wait(namespaces, frame.last, signal);
      if (signal.aborted) return;
    }
    if (frame.body.barrier !== undefined) {
      await this.#commit();
      await this.#passBarrier(frame, frame.body.barrier, delivery.replies, signal);
      return;
    }
    if (!this.#batch.fits(frame, relations.intern)) await this.#commit();
    this.#batch.add(frame, delivery.replies, relations.intern);
  }

  #accept(frame: Frame): 'apply' | 'skip' {
    try {
      return this.#sequencer.accept(frame);
    } catch (error) {
      const { hub, pipeline } = this.#context;
      if (error instanceof WeirError)
        publishNotice(hub.control, pipeline, {
          kind: 'rewind',
          readerEpoch: frame.readerEpoch,
          reason: error.message,
        });
      throw error;
    }
  }

  async #passBarrier(
    frame: Frame,
    barrier: Barrier,
    replies: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const after = await carryOutBarrier(this.#context, this.#progress, frame, barrier, signal);
    if (after === null) return;
    this.#moveTo(after);
    this.#consumer.acknowledge(replies);
  }

  async #commit(): Promise<void> {
    const batch = this.#batch;
    if (batch.isEmpty) return;
    const changes = batch.toLaneBatch();
    const { meter, sink } = this.#context;
    failpoint('changes-ready');
    await meter.commit(batch, () => sink.writeUpdates(changes));
    failpoint('changes-committed');
    this.#moveTo(changes.after);
    this.#consumer.acknowledge(batch.replies);
  }

  #moveTo(progress: LaneProgress): void {
    this.#progress = progress;
    this.#batch = new ChangeBatch(progress);
    this.#context.progress.moved(progress.lane, progress.position);
  }
}

function namespacesOf(frame: Frame): string[] {
  const { relations, barrier } = frame.body;
  if (relations !== undefined) return relations.map((relation) => relation.namespace);
  switch (barrier?.kind) {
    case undefined:
      return [];
    case 'truncate':
      return barrier.relations.map((relation) => relation.namespace);
    case 'relation':
      return [barrier.after.relation.namespace];
    case 'move':
      return [barrier.relation.namespace];
  }
}
