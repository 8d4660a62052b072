import type { NatsConnection } from 'nats';
import type { BrokerState } from '../progress/pipeline-report.ts';
import { toHubError } from './hub.ts';
import { inTime, listInTime } from './in-time.ts';
import { STREAM_KINDS, streamName } from './names.ts';

/** What waits in the lanes of a pipeline. UNREACHABLE where the broker does not answer. */
export async function readBrokerState(nc: NatsConnection, pipeline: string): Promise<BrokerState> {
  try {
    const jsm = await inTime('asking for JetStream', nc.jetstreamManager({ timeout: 5_000 }));
    const state: BrokerState = { storedBytes: 0, lanes: [] };
    const streams = jsm.streams.list(`weir.${pipeline}.>`);
    for (const { config, state: now } of await listInTime('listing streams', streams)) {
      const [, , part, number] = config.subjects[0]?.split('.') ?? [];
      const lane = Number(number);
      const kind = STREAM_KINDS.find((each) => each === part);
      if (kind === undefined) continue;
      if (config.name !== streamName(pipeline, kind, lane)) continue;
      const { messages, bytes } = now;
      state.lanes.push({ kind, lane, messages, bytes, maxBytes: config.max_bytes });
    }
    state.lanes.sort((a, b) => a.kind.localeCompare(b.kind) || a.lane - b.lane);
    state.storedBytes = (await inTime('reading the account', jsm.getAccountInfo())).storage;
    return state;
  } catch (error) {
    throw toHubError(error);
  }
}
