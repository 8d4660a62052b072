import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import { connectHub, hostsOf } from '../../../shared/hub/hub.ts';
import { deletePipelineStreams } from '../../../shared/hub/streams.ts';
import { URL_SCHEMES } from '../../connectors/registry.ts';
import { PipelineEnds } from '../pipeline-ends.ts';

/**
 * Removes what a pipeline created, but not the data. Repeatable. The source goes first: it refuses while the
 * pipeline runs, and then nothing has been touched.
 */
export async function runReset(file: string): Promise<number> {
  const spec = await readPipelineFile(file, URL_SCHEMES);
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
  if (url === undefined) {
    console.log('nats: none named, so there is nothing to remove');
    return 0;
  }
  const hub = await connectHub({ url, name: `weir-${spec.name}-reset` });
  try {
    const removed = await deletePipelineStreams(hub.control, spec.name);
    console.log(
      removed.length === 0
        ? `nats: nothing of ${spec.name} is left at ${hostsOf(url)}`
        : `nats: removed ${removed.sort().join(', ')} at ${hostsOf(url)}`,
    );
  } finally {
    await hub.close();
  }
  return 0;
}
