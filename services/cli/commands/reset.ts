import { stat } from 'node:fs/promises';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { connectHub, hostsOf, type Hub } from '../../../shared/hub/hub.ts';
import { publishNotice } from '../../../shared/hub/notices.ts';
import { deletePipelineStreams } from '../../../shared/hub/streams.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { PIPELINE_PARTS } from '../pipeline-parts.ts';
import { PipelineEnds } from '../pipeline-ends.ts';
import { resetByServices } from '../supervisor/remote-reset.ts';

/** Services that were told of the reset may still be letting go of something. */
const SETTLING_MS = 500;

/** Removes what a pipeline created, but not the data. Repeatable. */
export async function runReset(pipeline: string): Promise<number> {
  await ((await isFile(pipeline)) || !/^[a-z0-9-]{1,32}$/.test(pipeline)
    ? resetByFile(pipeline)
    : resetByServices(pipeline, (hub, url) => resetBroker(hub, pipeline, url)));
  return 0;
}

/** The source goes first: it refuses while the pipeline runs, and then nothing has been touched. */
async function resetByFile(file: string): Promise<void> {
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  const ends = await PipelineEnds.load(spec);
  const source = ends.createSource();
  const sink = ends.createSink();
  try {
    await source.reset();
    console.log(`source: nothing of ${spec.name} is left`);
    await sink.reset();
    console.log(`target: no state of ${spec.name} is left; the copied data stays`);
  } finally {
    await Promise.all([source.close(), sink.close()]);
  }
  const url = spec.nats.url?.reveal();
  if (url === undefined) return console.log('nats: none named, so there is nothing to remove');
  const hub = await connectHub({ url, name: `weir-${spec.name}-reset` });
  try {
    publishNotice(hub.control, spec.name, { kind: 'reset' });
    await resetBroker(hub, spec.name, url);
  } finally {
    await hub.close();
  }
}

async function resetBroker(hub: Hub, pipeline: string, url: string): Promise<void> {
  const removed = new Set(await deletePipelineStreams(hub.control, pipeline));
  await pause(SETTLING_MS, new AbortController().signal);
  for (const name of await deletePipelineStreams(hub.control, pipeline)) removed.add(name);
  console.log(
    removed.size === 0
      ? `nats: nothing of ${pipeline} is left at ${hostsOf(url)}`
      : `nats: removed ${[...removed].sort().join(', ')} at ${hostsOf(url)}`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
