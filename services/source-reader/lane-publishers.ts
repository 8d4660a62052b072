import type { WeirError } from '../../shared/errors/weir-error.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { LanePublisher } from '../../shared/hub/lane-publisher.ts';
import { type LaneKind, laneSubject, streamName } from '../../shared/hub/names.ts';
import { prepareLaneStream } from '../../shared/hub/streams.ts';

/** What a lane's stream may hold; a full one is the back-pressure that reaches the source. */
const MAX_BYTES = 256 << 20;
/** Leaves room for what the broker adds to each part. */
const MAX_FRAME_BYTES = MAX_BYTES - (16 << 20);
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
  const sequences = await Promise.all(
    numbers.map((lane) =>
      prepareLaneStream(hub.control, { pipeline, kind, lane, maxBytes: MAX_BYTES }),
    ),
  );
  return numbers.map(
    (lane) =>
      new LanePublisher({
        nc: hub.publishing,
        stream: streamName(pipeline, kind, lane),
        subject: laneSubject(pipeline, kind, lane),
        lastSequence: sequences[lane]!,
        maxFrameBytes: MAX_FRAME_BYTES,
        windowBytes: WINDOW_BYTES,
        onFailure,
      }),
  );
}
