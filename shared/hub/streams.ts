import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  nanos,
  NatsError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats';
import { WeirError } from '../errors/weir-error.ts';
import { toHubError } from './hub.ts';
import { inTime, listInTime } from './in-time.ts';
import { inStreamName, laneSubject, STREAM_KINDS, type StreamKind, streamName } from './names.ts';

/** JetStream's error codes that Weir acts on (nats-server, `errors.json`). */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
/** A work queue has one consumer: another one was made first. */
const CONSUMER_OF_ANOTHER = [10099, 10100];
const INSUFFICIENT_STORAGE = [10023, 10028, 10047];
const JETSTREAM_NOT_ENABLED = [10039, 10076];

export interface LaneStream {
  pipeline: string;
  kind: StreamKind;
  lane: number;
  maxBytes: number;
}

/**
 * Makes the lane's stream if it is missing, empties it, and returns its last sequence. What a work queue must never
 * do (drop old messages, expire them) is set, then read back: older servers ignore settings without a word.
 */
export async function prepareLaneStream(nc: NatsConnection, lane: LaneStream): Promise<number> {
  const jsm = await manager(nc);
  const name = streamName(lane.pipeline, lane.kind, lane.lane);
  const wanted = {
    name,
    subjects: [laneSubject(lane.pipeline, lane.kind, lane.lane)],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: lane.maxBytes,
    max_age: 0,
    duplicate_window: nanos(30_000),
    num_replicas: 1,
  } satisfies Partial<StreamConfig>;
  try {
    const found = await infoOrNull(jsm, name);
    const info = await inTime(
      `making stream ${name}`,
      found === null ? jsm.streams.add(wanted) : jsm.streams.update(name, wanted),
    );
    for (const key of ['retention', 'storage', 'discard', 'max_bytes', 'max_age'] as const)
      if (info.config[key] !== wanted[key])
        throw new WeirError(
          'BROKER_UNFIT',
          `the NATS server keeps ${key}=${String(info.config[key])} for stream ${name} where Weir needs ${String(wanted[key])}; delete the stream or correct the server's limits`,
        );
    await inTime(`emptying stream ${name}`, jsm.streams.purge(name));
    return (await inTime(`reading stream ${name}`, jsm.streams.info(name))).state.last_seq;
  } catch (error) {
    throw toStreamError(error);
  }
}

/**
 * The same for a stream that another service fills from what is sent to it: whoever has looked at it before
 * (`lastSequenceOf`) can store nothing in it any more, because `fence`, a frame that nobody takes, has moved its
 * sequence on and is gone again.
 */
export async function fenceLaneStream(
  nc: NatsConnection,
  lane: LaneStream,
  fence: Uint8Array,
): Promise<void> {
  await prepareLaneStream(nc, lane);
  try {
    const subject = laneSubject(lane.pipeline, lane.kind, lane.lane);
    const js = nc.jetstream({ timeout: 5_000 });
    await inTime(`publishing to ${subject}`, js.publish(subject, fence));
    const jsm = await manager(nc);
    const name = streamName(lane.pipeline, lane.kind, lane.lane);
    await inTime(`emptying stream ${name}`, jsm.streams.purge(name));
  } catch (error) {
    throw toStreamError(error);
  }
}

/** Of the last message that the stream has or had; null where there is no such stream. */
export async function lastSequenceOf(nc: NatsConnection, stream: string): Promise<number | null> {
  const info = await infoOrNull(await manager(nc), stream);
  return info?.state.last_seq ?? null;
}

/** Messages waiting in the lane's stream; null where there is no such stream. */
export async function countWaiting(
  nc: NatsConnection,
  lane: Omit<LaneStream, 'maxBytes'>,
): Promise<number | null> {
  const jsm = await manager(nc);
  const info = await infoOrNull(jsm, streamName(lane.pipeline, lane.kind, lane.lane));
  return info?.state.messages ?? null;
}

/** How many bytes the lane's stream may hold; null where there is no such stream. */
export async function laneCapacity(nc: NatsConnection, stream: string): Promise<number | null> {
  const info = await infoOrNull(await manager(nc), stream);
  return info?.config.max_bytes ?? null;
}

/** Makes `consumer` the only one of the stream; null while the stream does not exist yet. */
export async function takeLaneConsumer(
  nc: NatsConnection,
  stream: string,
  consumer: string,
): Promise<string | null> {
  const jsm = await manager(nc);
  try {
    if ((await infoOrNull(jsm, stream)) === null) return null;
    const doing = `making the consumer of ${stream}`;
    for (const old of await listInTime(doing, jsm.consumers.list(stream)))
      await deleteIfThere(jsm, doing, stream, old.name);
    const wanted = {
      durable_name: consumer,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(60_000),
      max_deliver: -1,
      max_ack_pending: 20_000,
    };
    return (await inTime(doing, jsm.consumers.add(stream, wanted))).name;
  } catch (error) {
    throw toStreamError(error);
  }
}

export async function deleteConsumer(
  nc: NatsConnection,
  stream: string,
  consumer: string,
): Promise<void> {
  const jsm = await manager(nc);
  await deleteIfThere(jsm, `deleting the consumer of ${stream}`, stream, consumer);
}

/** Another owner of the lane may be faster, or the whole stream may be gone: then there is nothing left to do. */
async function deleteIfThere(
  jsm: JetStreamManager,
  doing: string,
  stream: string,
  consumer: string,
): Promise<void> {
  try {
    await inTime(doing, jsm.consumers.delete(stream, consumer));
  } catch (error) {
    if (isNotFound(error, CONSUMER_NOT_FOUND) || isNotFound(error, STREAM_NOT_FOUND)) return;
    throw toStreamError(error);
  }
}

/** Removes every stream and bucket of the pipeline; returns their names. */
export async function deletePipelineStreams(
  nc: NatsConnection,
  pipeline: string,
): Promise<string[]> {
  const jsm = await manager(nc);
  const removed: string[] = [];
  for (const info of await listInTime('listing streams', jsm.streams.list())) {
    const { name } = info.config;
    const kinds = STREAM_KINDS.map(inStreamName).join('|');
    const ours = new RegExp(`^(WEIR_${pipeline}_(${kinds})_\\d+|KV_weir_${pipeline}_leases)$`);
    if (!ours.test(name)) continue;
    if (await inTime(`deleting stream ${name}`, jsm.streams.delete(name))) removed.push(name);
  }
  return removed;
}

async function infoOrNull(jsm: JetStreamManager, name: string) {
  try {
    return await inTime(`reading stream ${name}`, jsm.streams.info(name));
  } catch (error) {
    if (isNotFound(error, STREAM_NOT_FOUND)) return null;
    throw toStreamError(error);
  }
}

function isNotFound(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code;
}

async function manager(nc: NatsConnection): Promise<JetStreamManager> {
  try {
    return await inTime('asking for JetStream', nc.jetstreamManager({ timeout: 5_000 }));
  } catch (error) {
    throw toStreamError(error);
  }
}

function toStreamError(error: unknown): WeirError {
  if (error instanceof NatsError) {
    const code = error.api_error?.err_code ?? 0;
    if (error.code === '503')
      return new WeirError(
        'UNREACHABLE',
        'JetStream does not answer at the NATS server; start it with JetStream enabled (nats-server -js), or, where it is, look into its log: its disk may be full or broken',
        { cause: error },
      );
    if (CONSUMER_OF_ANOTHER.includes(code))
      return new WeirError('FENCED', 'another process has taken this lane meanwhile', {
        cause: error,
      });
    if (JETSTREAM_NOT_ENABLED.includes(code))
      return new WeirError(
        'BROKER_UNFIT',
        'the NATS server has no JetStream; start it with JetStream enabled (nats-server -js)',
        { cause: error },
      );
    if (INSUFFICIENT_STORAGE.includes(code))
      return new WeirError(
        'BROKER_UNFIT',
        'the NATS server has not enough JetStream storage for the lanes; raise max_file_store or use fewer lanes',
        { cause: error },
      );
  }
  return toHubError(error);
}
