import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { connectHub, hostsOf, type Hub } from '../../shared/hub/hub.ts';
import { publishNotice } from '../../shared/hub/notices.ts';
import { deletePipelineStreams } from '../../shared/hub/streams.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { PipelineEnds } from './pipeline-ends.ts';

/** Services that were told of the reset may still be letting go of something. */
const SETTLING_MS = 500;

/**
 * Removes what a pipeline created at both ends and in the broker. The source goes first: it refuses while the pipeline
 * runs, and then nothing has been touched. Repeatable.
 */
export async function resetPipeline(
  spec: PipelineSpec,
  say: (line: string) => void,
): Promise<void> {
  const ends = await PipelineEnds.load(spec);
  const source = ends.createSource();
  const sink = ends.createSink();
  try {
    await source.reset();
    say(`source: nothing of ${spec.name} is left`);
    await sink.reset();
    say(`target: no state of ${spec.name} is left; the copied data stays`);
  } finally {
    await Promise.all([source.close(), sink.close()]);
  }
  const url = spec.nats.url?.reveal();
  if (url === undefined) return say('nats: none named, so there is nothing to remove');
  const hub = await connectHub({ url, name: `weir-${spec.name}-reset` });
  try {
    publishNotice(hub.control, spec.name, { kind: 'reset' });
    await resetBroker(hub, spec.name, url, say);
  } finally {
    await hub.close();
  }
}

/** Removes the streams and buckets of a pipeline whose services end. */
export async function resetBroker(
  hub: Hub,
  pipeline: string,
  url: string,
  say: (line: string) => void,
): Promise<void> {
  const removed = new Set(await deletePipelineStreams(hub.control, pipeline));
  await pause(SETTLING_MS, new AbortController().signal);
  for (const name of await deletePipelineStreams(hub.control, pipeline)) removed.add(name);
  say(
    removed.size === 0
      ? `nats: nothing of ${pipeline} is left at ${hostsOf(url)}`
      : `nats: removed ${[...removed].sort().join(', ')} at ${hostsOf(url)}`,
  );
}
