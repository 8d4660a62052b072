import { randomBytes } from 'node:crypto';
import { decodeFrame, type Frame } from '../../shared/change/frame.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LaneConsumer } from '../../shared/hub/lane-consumer.ts';
import { LanePublisher, maxFrameBytes } from '../../shared/hub/lane-publisher.ts';
import { type LaneKind, laneSubject, streamName } from '../../shared/hub/names.ts';
import {
  deleteConsumer,
  laneCapacity,
  lastSequenceOf,
  takeLaneConsumer,
} from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { transformBarrier } from './barrier-transform.ts';
import { transformChanges, type Transformed } from './change-transform.ts';
import type { Chains } from './chains.ts';
import { transformChunk } from './chunk-transform.ts';
import type { TransformMeter } from './transform-meter.ts';

const WINDOW_BYTES = 4 << 20;
const LOOK_MS = 250;

export interface TransformContext {
  hub: Hub;
  pipeline: string;
  holder: string;
  chains: Chains;
  onBadRow: 'stop' | 'park';
  meter: TransformMeter;
}

/**
 * Mirrors one lane: for each frame of the reader one frame to the writers, with the same place in the lane. A frame is
 * acknowledged when the broker has the one made of it. What is stored is a chain: whoever stands still while another
 * takes the lane, or while a reader empties it, finds the chain gone on and can store nothing more. So at worst a frame
 * is stored twice, by one who died before it could acknowledge, and writers take each place in a lane once.
 */
export class TransformLane {
  readonly #context: TransformContext;
  readonly #consumer: LaneConsumer;
  readonly #publisher: LanePublisher;
  /** The broker tells messages apart by their ids, and a frame that comes again must not count as known. */
  readonly #life = randomBytes(6).toString('hex');
  #sent = 0;

  private constructor(context: TransformContext, consumer: LaneConsumer, publisher: LanePublisher) {
    this.#context = context;
    this.#consumer = consumer;
    this.#publisher = publisher;
  }

  static async run(
    context: TransformContext,
    kind: LaneKind,
    lane: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { hub, pipeline, holder } = context;
    const [from, to] = [
      streamName(pipeline, `raw-${kind}`, lane),
      streamName(pipeline, kind, lane),
    ];
    const name = `T${String(lane).padStart(2, '0')}-${holder}`;
    // In this order: a reader empties first what is taken and then moves on what is given.
    let lastSequence: number | null;
    while (
      (lastSequence = await lastSequenceOf(hub.control, to)) === null ||
      (await takeLaneConsumer(hub.control, from, name)) === null
    ) {
      await pause(LOOK_MS, signal);
      if (signal.aborted) return;
    }
    const maxBytes = (await laneCapacity(hub.control, to)) ?? 0;
    const failed = new AbortController();
    const publisher = new LanePublisher({
      nc: hub.publishing,
      stream: to,
      subject: laneSubject(pipeline, kind, lane),
      lastSequence,
      maxFrameBytes: maxFrameBytes(maxBytes),
      windowBytes: WINDOW_BYTES,
      onFailure: (error) => failed.abort(error),
    });
    const consumer = new LaneConsumer(hub.consuming, from, name);
    try {
      const mirror = new TransformLane(context, consumer, publisher);
      await mirror.#run(AbortSignal.any([signal, failed.signal]));
      if (failed.signal.aborted) throw failed.signal.reason;
      await publisher.drained();
      await deleteConsumer(hub.control, from, name);
    } finally {
      consumer.close();
      publisher.close();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const delivery = await this.#consumer.next(signal);
      if (delivery === null) return;
      const frame = decodeFrame(delivery.bytes);
      const startedAtMs = performance.now();
      const { bytes, rows, filtered } = await this.#transform(frame, delivery.bytes);
      this.#context.meter.transformed(rows, filtered, performance.now() - startedAtMs);
      await this.#publisher.ready();
      this.#publisher.send(bytes, `${this.#life}-${++this.#sent}`, () =>
        this.#consumer.acknowledge(delivery.replies),
      );
    }
  }

  async #transform(frame: Frame, bytes: Buffer): Promise<Transformed> {
    const { chains, onBadRow } = this.#context;
    switch (frame.kind) {
      case 'hello':
      case 'watermark':
        return { bytes, rows: 0, filtered: 0 };
      case 'barrier': {
        const { barrier } = frame.body;
        const made =
          barrier === undefined ? bytes : await transformBarrier(frame, barrier, chains, onBadRow);
        return { bytes: made, rows: 0, filtered: 0 };
      }
      case 'changes':
        return transformChanges(frame, chains, onBadRow);
      case 'chunk':
        return transformChunk(frame, chains, onBadRow);
    }
  }
}
