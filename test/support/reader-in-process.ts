import { connectHub } from '../../shared/hub/hub.ts';
import { readPipelineFile } from '../../shared/config/pipeline-file.ts';
import { createLogger } from '../../shared/logging/logger.ts';
import { Monitoring } from '../../shared/metrics/monitoring.ts';
import { PipelineEnds } from '../../services/wiring/pipeline-ends.ts';
import { PIPELINE_PARTS } from '../../services/wiring/pipeline-parts.ts';
import { runSourceReader } from '../../services/source-reader/source-reader.ts';

export interface InProcessOptions {
  file: string;
  natsUrl: string;
  dataType: string;
}

/**
 * The source-reader of a pipeline inside the test's process, for what no pipeline file can ask for. Returns what stops
 * it and resets the source.
 */
export async function startReader(options: InProcessOptions): Promise<() => Promise<void>> {
  const { file, natsUrl, dataType } = options;
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  const source = (await PipelineEnds.load(spec)).createSource();
  const stopping = new AbortController();
  const hub = await connectHub({ url: natsUrl, name: 'test' });
  const service = 'source-reader';
  const running = runSourceReader({
    spec,
    source,
    dataType,
    planShape: null,
    hub,
    log: createLogger({ service, pipeline: spec.name, level: 'warn' }),
    monitoring: new Monitoring({ pipeline: spec.name, service, version: '0' }),
    signal: stopping.signal,
  });
  return async () => {
    stopping.abort();
    try {
      await running;
      await source.reset();
    } finally {
      await hub.close();
    }
  };
}
