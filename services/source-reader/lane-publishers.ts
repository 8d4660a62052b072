import { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { type LaneKind, laneSubject, streamName } from '../../shared/hub/names.ts';
import { prepareLaneStream } from '../../shared/hub/streams.ts';

/** What a lane's stream may hold; a full one is the back-pressure that reaches the source. */
const MAX_MIB = 256;
const LEAST_MIB = 8;
/** Bytes on their way to the broker, for each lane. */
const WINDOW_BYTES = 4 << 20;

export interface LanePublishersOptions {
  hub: Hub;
  pipeline: string;
  kind: LaneKind;
  lanes: number;
  onFailure: (error: WeirError) => void;
}

/** Empties the lanes' streams (making those that are missing) and opens this reader's publisher for each. */
export async function openLanePublishers(options: LanePublishersOptions): Promise<LanePublisher[]> {
  const { hub, pipeline, kind, lanes, onFailure } = options;
  const numbers = Array.from({ length: lanes }, (_, lane) => lane);
  const maxBytes = kind === 'lane' ? laneBytes(process.env) : MAX_MIB << 20;
  const sequences = await Promise.all(
    numbers.map((lane) => prepareLaneStream(hub.control, { pipeline, kind, lane, maxBytes })),
  );
  return numbers.map(
    (lane) =>
      new LanePublisher({
        nc: hub.publishing,
        stream: streamName(pipeline, kind, lane),
        subject: laneSubject(pipeline, kind, lane),
        lastSequence: sequences[lane]!,
        // Leaves room for what the broker adds to each part.
        maxFrameBytes: maxBytes - maxBytes / 16,
        windowBytes: WINDOW_BYTES,
        onFailure,
      }),
  );
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
