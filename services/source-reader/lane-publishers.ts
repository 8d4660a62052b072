import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LanePublisher, maxFrameBytes } from '../../shared/hub/lane-publisher.ts';
import { type LaneKind, laneSubject, streamName } from '../../shared/hub/names.ts';
import { fenceLaneStream, prepareLaneStream } from '../../shared/hub/streams.ts';
import { encodeFrame } from '../../shared/change/frame.ts';
import { FIRST_POSITION } from '../../shared/change/position.ts';

/** What a lane's stream may hold; a full one is the back-pressure that reaches the source. */
const MAX_MIB = 256;
const LEAST_MIB = 8;
/** Bytes in flight to the broker, for each lane. */
const WINDOW_BYTES = 4 << 20;

export interface LanePublishersOptions {
  hub: Hub;
  pipeline: string;
  kind: LaneKind;
  lanes: number;
  /** Writers take what a transformer makes of it. */
  transformed: boolean;
  onFailure: (error: WeirError) => void;
}

/**
 * Empties the lanes' streams (making those that are missing) and opens this reader's publisher for each. Where a
 * transformer stands between, first what it takes and then what it gives: it can give nothing of an earlier reader then.
 */
export async function openLanePublishers(options: LanePublishersOptions): Promise<LanePublisher[]> {
  const { hub, pipeline, kind: taken, lanes, transformed, onFailure } = options;
  const kind = transformed ? (`raw-${taken}` as const) : taken;
  const numbers = Array.from({ length: lanes }, (_, lane) => lane);
  const wanted = laneBytes(process.env);
  const maxBytes = taken === 'lane' ? wanted : Math.max(wanted, MAX_MIB << 20);
  const sequences = await Promise.all(
    numbers.map(async (lane) => {
      const stream = { pipeline, kind, lane, maxBytes };
      const sequence = await prepareLaneStream(hub.control, stream);
      if (transformed)
        await fenceLaneStream(hub.control, { ...stream, kind: taken }, fenceFrame(lane));
      return sequence;
    }),
  );
  return numbers.map(
    (lane) =>
      new LanePublisher({
        nc: hub.publishing,
        stream: streamName(pipeline, kind, lane),
        subject: laneSubject(pipeline, kind, lane),
        lastSequence: sequences[lane]!,
        maxFrameBytes: maxFrameBytes(maxBytes),
        windowBytes: WINDOW_BYTES,
        onFailure,
      }),
  );
}

/** Of no reader: whoever takes it passes it over. */
function fenceFrame(lane: number): Buffer {
  const at = { first: FIRST_POSITION, last: FIRST_POSITION, sourceTimeMs: 0 };
  const head = { kind: 'watermark', lane, readerEpoch: 0, sequence: 0, count: 0, ...at } as const;
  return encodeFrame({ ...head, body: {} }, new Uint8Array()).bytes;
}

/** Throws CONFIG_INVALID where the environment names a size that cannot be. */
export function laneBytes(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['WEIR_LANE_MIB'] ?? '';
  const mib = text === '' ? MAX_MIB : Number(text);
  if (Number.isInteger(mib) && mib >= LEAST_MIB && mib <= 65_536) return mib * 2 ** 20;
  throw new WeirError(
    'CONFIG_INVALID',
    `the environment variable WEIR_LANE_MIB must be a whole number from ${LEAST_MIB} to 65536`,
  );
}
