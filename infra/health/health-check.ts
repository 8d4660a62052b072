import { readFile } from 'node:fs/promises';
import { readPipelineFile } from '../../shared/config/pipeline-file.ts';
import { toWeirError } from '../../shared/errors/weir-error.ts';
import { connectHub } from '../../shared/hub/hub.ts';
import { watchStatus } from '../../shared/hub/status-board.ts';
import type { ServiceStatus } from '../../shared/progress/status.ts';
import { URL_SCHEMES } from '../../services/connectors/registry.ts';
import { parseServiceArguments } from './service-arguments.ts';

/**
 * The health check of the container image: finds out from the first process of the container which service it is, and
 * asks over NATS. Healthy when a service of that name with that process number answers and has no problem. Replicas all
 * have the number 1, so one that hangs is covered by the others; one that ends is seen by Docker itself.
 */
const servicePid = Number(process.argv[2] ?? 1);
const ANSWER_MS = 8_000;

try {
  const words = (await readFile(`/proc/${servicePid}/cmdline`, 'utf8')).split('\0');
  const started = parseServiceArguments(words);
  const problem =
    started === undefined ? null : await askService(started.service, started.pipelineFile);
  process.stdout.write(`${problem ?? 'healthy'}\n`);
  process.exit(problem === null ? 0 : 1);
} catch (error) {
  process.stdout.write(`${toWeirError(error).message}\n`);
  process.exit(1);
}

async function askService(service: string, pipelineFile: string): Promise<string | null> {
  const spec = await readPipelineFile(pipelineFile, URL_SCHEMES);
  const url = spec.nats.url?.reveal();
  if (url === undefined) return 'no NATS server is named';
  const hub = await connectHub({ url, name: `weir/${spec.name}/health` });
  const status = await new Promise<ServiceStatus | null>((resolve) => {
    setTimeout(() => resolve(null), ANSWER_MS);
    watchStatus(hub.control, spec.name, (each) => {
      if (each.service === service && each.pid === servicePid) resolve(each);
    });
  });
  if (status === null) return `${service} did not answer within ${ANSWER_MS} ms`;
  return status.phase === 'failed' ? (status.problem ?? 'failed') : status.problem;
}
