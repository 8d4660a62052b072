import { decodeFrame } from '../../shared/change/frame.ts';
import { partTarget, sourceOf } from '../../shared/change/namespace-part.ts';
import type { Relation } from '../../shared/change/relation.ts';
import type { ChunkOutcome } from '../../shared/connector/sink.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { shortWorkerId } from '../../shared/hub/worker-id.ts';
import { type Delivery, LaneConsumer } from '../../shared/hub/lane-consumer.ts';
import { streamName } from '../../shared/hub/names.ts';
import { publishNotice } from '../../shared/hub/notices.ts';
import { deleteConsumer, takeLaneConsumer } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { failpoint } from '../../shared/lifecycle/failpoint.ts';
import { ChunkCutShort, IncomingChunk } from './incoming-chunk.ts';
import type { WriterContext } from './writer-context.ts';

/** How often to look whether the lanes have come to where a chunk may be merged. */
const EARLY_MS = 250;

/**
 * Loads the chunks that come through one chunk lane. Chunks need no order among each other, so there is no
 * sequencer here: the target's ledger knows each chunk that is in. A chunk whose beginning is missing is passed
 * over; the reader sees that the target lacks it, and sends it again.
 */
export class ChunkLane {
  readonly #context: WriterContext;
  readonly #consumer: LaneConsumer;
  /** As the plan of this reader has them. */
  readonly #relations = new Map<string, Relation>();
  #readerEpoch = 0;

  private constructor(context: WriterContext, consumer: LaneConsumer) {
    this.#context = context;
    this.#consumer = consumer;
  }

  static async run(context: WriterContext, lane: number, signal: AbortSignal): Promise<void> {
    const { hub, pipeline, writerId } = context;
    const stream = streamName(pipeline, 'chunk', lane);
    const name = `C${String(lane).padStart(2, '0')}-${shortWorkerId(writerId)}`;
    while ((await takeLaneConsumer(hub.control, stream, name)) === null) {
      await pause(250, signal);
      if (signal.aborted) return;
    }
    const consumer = new LaneConsumer(hub.consuming, stream, name);
    try {
      await new ChunkLane(context, consumer).#run(signal);
      await deleteConsumer(hub.control, stream, name);
    } finally {
      consumer.close();
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    let delivery = await this.#consumer.next(signal);
    while (delivery !== null) {
      const next = await this.#load(delivery, signal);
      // Nothing of it was acknowledged: it is delivered to whoever takes the lane now.
      if (next === 'again') return;
      delivery = next ?? (await this.#consumer.next(signal));
    }
  }

  /** Loads the chunk that begins with `delivery`; returns a delivery that was taken too much, or `again`. */
  async #load(delivery: Delivery, signal: AbortSignal): Promise<Delivery | 'again' | null> {
    const frame = decodeFrame(delivery.bytes);
    if (frame.body.chunk === undefined || frame.sequence !== 0) {
      this.#consumer.acknowledge(delivery.replies);
      return null;
    }
    const { sink, meter, hub, pipeline, log, gate } = this.#context;
    const chunk = new IncomingChunk(
      frame,
      delivery.replies,
      () => this.#consumer.next(signal),
      (replies) => this.#consumer.acknowledge(replies),
    );
    const { id, namespace } = frame.body.chunk;
    let outcome: ChunkOutcome;
    try {
      const relation = await this.#relationOf(namespace, frame.readerEpoch);
      const startedAtMs = performance.now();
      const head = chunk.head(relation, this.#partsOf(namespace));
      outcome = await sink.writeData(head, chunk.parts());
      while (outcome === 'early') {
        await pause(EARLY_MS, signal);
        if (signal.aborted) return null;
        outcome = await sink.writeData(head, chunk.parts());
      }
      if (outcome === 'again') {
        log.info(
          { chunk: id, namespace },
          'a row was refused; the chunk is loaded again to find it',
        );
        return 'again';
      }
      meter.chunkCame(outcome, chunk.rows, performance.now() - startedAtMs);
      if (outcome === 'loaded') failpoint('chunk-loaded');
      else await chunk.skip();
      log.debug({ chunk: id, namespace, rows: chunk.rows, outcome }, 'chunk came');
    } catch (error) {
      if (!(error instanceof ChunkCutShort)) throw error;
      log.info({ chunk: id, namespace }, 'chunk was cut short; waiting until it is sent again');
      if (!signal.aborted) this.#consumer.acknowledge(chunk.replies);
      return error.next;
    }
    this.#consumer.acknowledge(chunk.replies);
    if (outcome === 'unwanted') return null;
    publishNotice(hub.control, pipeline, { kind: 'chunk', id, rows: chunk.rows });
    gate.nudge();
    return null;
  }

  async #relationOf(namespace: string, readerEpoch: number): Promise<Relation> {
    if (readerEpoch !== this.#readerEpoch) this.#relations.clear();
    this.#readerEpoch = readerEpoch;
    const known = this.#relations.get(namespace);
    if (known !== undefined) return known;
    const state = await this.#context.sink.readState();
    for (const { relation } of state?.plan.namespaces ?? [])
      this.#relations.set(relation.namespace, relation);
    const relation = this.#relations.get(namespace);
    if (relation === undefined)
      throw new WeirError('FENCED', `namespace ${namespace} is not in the plan any more`);
    return relation;
  }

  /** Of the plan that the relation of the namespace was just taken from. */
  #partsOf(namespace: string): Relation[] {
    return [...this.#relations.values()].filter(
      (relation) =>
        partTarget(relation.namespace) !== null && sourceOf(relation.namespace) === namespace,
    );
  }
}
