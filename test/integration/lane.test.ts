import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectHub, type Hub } from '../../shared/hub/hub.ts';
import { LaneConsumer } from '../../shared/hub/lane-consumer.ts';
import { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { laneSubject, streamName } from '../../shared/hub/names.ts';
import {
  countWaiting,
  deleteConsumer,
  deletePipelineStreams,
  prepareLaneStream,
  takeLaneConsumer,
} from '../../shared/hub/streams.ts';
import type { WeirError } from '../../shared/errors/weir-error.ts';
import {
  startNats,
  type NatsServerProcess,
} from '../../services/supervisor/embedded/nats-server.ts';

let nats: NatsServerProcess;
let hub: Hub;
let pipelines = 0;
const never = new AbortController().signal;

beforeAll(async () => {
  nats = await startNats();
  hub = await connectHub({ url: nats.url, name: 'test' });
});
afterAll(async () => {
  await hub.close();
  await nats.stop();
});

async function openLane(maxBytes = 64 << 20) {
  const pipeline = `lane-${++pipelines}`;
  const lane = { pipeline, kind: 'lane', lane: 0 } as const;
  const lastSequence = await prepareLaneStream(hub.control, { ...lane, maxBytes });
  const failures: WeirError[] = [];
  const open = () =>
    new LanePublisher({
      nc: hub.publishing,
      stream: streamName(pipeline, 'lane', 0),
      subject: laneSubject(pipeline, 'lane', 0),
      lastSequence,
      maxFrameBytes: 32 << 20,
      windowBytes: 4 << 20,
      onFailure: (error) => failures.push(error),
    });
  return { pipeline, lane, failures, open, stream: streamName(pipeline, 'lane', 0) };
}

async function consume(stream: string, name = 'L00-E1') {
  await takeLaneConsumer(hub.control, stream, name);
  return new LaneConsumer(hub.consuming, stream, name);
}

describe('a lane', () => {
  it('delivers frames in the order they were sent, and forgets them when acknowledged', async () => {
    const { lane, stream, open } = await openLane();
    const publisher = open();
    for (let i = 0; i < 500; i++) publisher.send(Buffer.from(`frame ${i}`), `${i}`);
    await publisher.drained();
    const consumer = await consume(stream);
    for (let i = 0; i < 500; i++) {
      const delivery = await consumer.next(never);
      expect(delivery?.bytes.toString()).toBe(`frame ${i}`);
      consumer.acknowledge(delivery!.replies);
    }
    await expect.poll(() => countWaiting(hub.control, lane)).toBe(0);
    consumer.close();
    publisher.close();
  });

  it('carries a frame of many times the size of a message, whole', async () => {
    const { stream, open } = await openLane();
    const publisher = open();
    const large = Buffer.alloc(9_000_001, 'weir');
    publisher.send(large, 'large');
    publisher.send(Buffer.from('after'), 'after');
    const consumer = await consume(stream);
    const first = await consumer.next(never);
    expect(first!.bytes.equals(large)).toBe(true);
    expect((await consumer.next(never))!.bytes.toString()).toBe('after');
    consumer.close();
    publisher.close();
  });

  it('refuses a frame that is too large to come through whole, instead of filling up and waiting', async () => {
    const { open, failures, lane } = await openLane();
    const publisher = open();
    publisher.send(Buffer.alloc((32 << 20) + 1), 'huge');
    await expect(publisher.drained()).rejects.toThrow(/larger than a lane can carry \(32 MiB\)/);
    expect(failures.map((error) => error.retryable)).toEqual([false]);
    expect(await countWaiting(hub.control, lane)).toBe(0);
    publisher.close();
  });

  it('passes over the rest of a large frame whose beginning was acknowledged before its owner died', async () => {
    const { stream, open, lane } = await openLane();
    const publisher = open();
    publisher.send(Buffer.alloc(3_000_000, 'weir'), 'large');
    publisher.send(Buffer.from('after'), 'after');
    await publisher.drained();
    const died = await consume(stream, 'L00-E1');
    const first = await died.next(never);
    expect(first!.replies.length).toBeGreaterThan(2);
    died.acknowledge(first!.replies.slice(0, 1));
    await expect.poll(() => countWaiting(hub.control, lane)).toBe(first!.replies.length);
    died.close();
    const next = await consume(stream, 'L00-E2');
    const delivery = await next.next(never);
    expect(delivery!.bytes.toString()).toBe('after');
    next.acknowledge(delivery!.replies);
    await expect.poll(() => countWaiting(hub.control, lane)).toBe(0);
    next.close();
    publisher.close();
  });

  it('holds the sender back while it is full, and loses and reorders nothing', async () => {
    const { stream, open, failures } = await openLane(1 << 20);
    const publisher = open();
    const sent = (async () => {
      for (let i = 0; i < 64; i++) {
        publisher.send(Buffer.alloc(100_000 + (i % 7) * 10_000, i), `${i}`);
        await publisher.ready();
      }
      await publisher.drained();
    })();
    const consumer = await consume(stream);
    for (let i = 0; i < 64; i++) {
      const delivery = await consumer.next(never);
      expect(delivery!.bytes[0]).toBe(i);
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      consumer.acknowledge(delivery!.replies);
    }
    await sent;
    expect(failures).toEqual([]);
    consumer.close();
    publisher.close();
  });

  it('refuses a second sender: the one that was replaced learns it and stores nothing more', async () => {
    const { open, failures, lane } = await openLane();
    const replaced = open();
    const current = open();
    current.send(Buffer.from('current'), 'a');
    await current.drained();
    replaced.send(Buffer.from('replaced'), 'b');
    await expect(replaced.drained()).rejects.toThrow(/another reader/);
    expect(failures.map((error) => error.code)).toEqual(['FENCED']);
    expect(await countWaiting(hub.control, lane)).toBe(1);
    current.close();
  });

  it('fails its sender when the stream is gone', async () => {
    const { open, pipeline } = await openLane();
    const publisher = open();
    expect(await deletePipelineStreams(hub.control, pipeline)).toHaveLength(1);
    publisher.send(Buffer.from('x'), 'x');
    await expect(publisher.drained()).rejects.toThrow(/gone from the broker/);
  });

  it('lets go of a consumer that another owner has removed or replaced, or that went with its stream', async () => {
    const { stream, pipeline } = await openLane();
    await consume(stream, 'L00-E1');
    await Promise.all([1, 2, 3].map(() => deleteConsumer(hub.control, stream, 'L00-E1')));
    // One wins, whoever was too late is told so.
    const names = [1, 2, 3, 4].map((epoch) => `L00-E${epoch}`);
    const taken = await Promise.allSettled(
      names.map((name) => takeLaneConsumer(hub.control, stream, name)),
    );
    for (const [i, each] of taken.entries())
      if (each.status === 'fulfilled') expect(each.value).toBe(names[i]);
      else expect(each.reason).toMatchObject({ code: 'FENCED' });
    await deletePipelineStreams(hub.control, pipeline);
    await deleteConsumer(hub.control, stream, 'L00-E3');
  });

  it('ends the consumer of an owner that was replaced, and gives the new one every frame again', async () => {
    const { stream, open } = await openLane();
    const publisher = open();
    for (let i = 0; i < 20; i++) publisher.send(Buffer.from(`${i}`), `${i}`);
    await publisher.drained();
    const old = await consume(stream, 'L00-E1');
    expect((await old.next(never))!.bytes.toString()).toBe('0');
    const next = await consume(stream, 'L00-E2');
    for (let i = 0; i < 20; i++) expect((await next.next(never))!.bytes.toString()).toBe(`${i}`);
    const drain = async () => {
      for (;;) await old.next(never);
    };
    await expect(drain()).rejects.toThrow();
    next.close();
    publisher.close();
  });
});
