import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import type { ServiceStatus } from '../../../shared/progress/status.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { PIPELINE_PARTS } from '../pipeline-parts.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { readAccess } from '../control/access-options.ts';
import { beginControl } from '../control/begin-control.ts';
import { checkPipeline, type CheckReport } from '../check/pipeline-check.ts';
import { startNats } from '../embedded/nats-server.ts';
import { stopSignal } from '../stop-signal.ts';
import { watchPipeline } from '../supervisor/watch-pipeline.ts';
import { waitUntilCaughtUp } from '../supervisor/caught-up.ts';
import { writeRunFile } from '../supervisor/run-file.ts';
import { StatusBoard, statusLine } from '../supervisor/status-line.ts';
import { untilStopped, wantRunning } from '../supervisor/wanted.ts';
import { startPipeline, type Supervisor } from '../supervisor/supervisor.ts';

/** The reader, transformers, then the writers, each within its own deadline, then the rest. */
const STOP_DEADLINE_MS = 55_000;

export interface RunOptions {
  until?: 'caught-up';
  writers?: number;
  metricsListen?: string;
  /** Where control is served for this pipeline. */
  listen?: string;
  tokens?: string;
}

/** Runs everything the pipeline needs on this machine; returns the exit code. */
export async function runRun(file: string, options: RunOptions): Promise<number> {
  const listen = parseListenAddress(options.metricsListen ?? process.env['WEIR_METRICS_LISTEN']);
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  const { listen: controlListen } = options;
  const access =
    controlListen === undefined ? null : await readAccess({ ...options, listen: controlListen });
  const stop = stopSignal({ deadlineMs: STOP_DEADLINE_MS });
  const cleanUp: (() => Promise<void>)[] = [];
  try {
    const report = await checkPipeline(spec);
    printFindings(report);
    if (!report.fit) return 1;
    let natsUrl = spec.nats.url?.reveal();
    if (natsUrl === undefined) {
      const nats = await startNats();
      cleanUp.push(() => nats.stop());
      natsUrl = nats.url;
    }
    const shared = spec.nats.url !== null;
    const hub = await connectHub({ url: natsUrl, name: `weir/${spec.name}/run` });
    cleanUp.push(() => hub.close());
    if (shared) await refuseSecondRun(hub, spec.name);
    cleanUp.push(await writeRunFile({ pipeline: spec.name, pid: process.pid, natsUrl }));
    const supervisor = startPipeline({
      file,
      spec,
      natsUrl,
      writers: options.writers ?? spec.writers,
      metricsListen: listen,
      onLog: (line) => process.stderr.write(`${line}\n`),
    });
    cleanUp.push(() => supervisor.stop());
    cleanUp.push(await watchPipeline(hub, spec.name, listen));
    if (access !== null) {
      const log = createLogger({ service: 'control', level: 'warn' });
      const files = [{ file, spec }];
      const control = await beginControl({ hub, natsUrl, access, log, state: null, files });
      cleanUp.push(() => control.stop());
      process.stdout.write(`${spec.name}: control: ${control.url}\n`);
    }
    cleanUp.push(showProgress(hub, spec.name));
    return await supervise(supervisor, hub, spec, options.until, stop.signal);
  } finally {
    for (const step of cleanUp.reverse()) await step();
    stop.dispose();
  }
}

/** Services of the same pipeline answer at once where they share the broker; elsewhere the source refuses. */
async function refuseSecondRun(hub: Hub, pipeline: string): Promise<void> {
  let running: ServiceStatus | null = null;
  const stop = watchStatus(hub.control, pipeline, (status) => {
    if (status.service === 'source-reader') running = status;
  });
  await pause(500, new AbortController().signal);
  stop();
  if (running !== null)
    throw new WeirError(
      'ALREADY_RUNNING',
      `pipeline ${pipeline} is running already on this NATS server; stop it first, or start more writers with \`weir service target-writer\``,
    );
}

/** Until the user stops it, a service ends for good, or the target has caught up where that was asked for. */
async function supervise(
  supervisor: Supervisor,
  hub: Hub,
  { name: pipeline, mode }: PipelineSpec,
  until: 'caught-up' | undefined,
  signal: AbortSignal,
): Promise<number> {
  const copiesOnly = mode === 'snapshot';
  const over = new AbortController();
  const waiting = AbortSignal.any([signal, over.signal]);
  const aborted = new Promise<null>((resolve) =>
    waiting.addEventListener('abort', () => resolve(null), { once: true }),
  );
  try {
    const end = await Promise.race([
      supervisor.ended,
      aborted,
      wantRunning(hub, pipeline, waiting).then(() => untilStopped(hub, pipeline, waiting)),
      ...(until === undefined ? [] : [waitUntilCaughtUp(hub, pipeline, waiting)]),
    ]);
    if (end === null || end === false) {
      if (until === undefined) return 0;
      process.stderr.write(`weir: ${pipeline} was stopped before it had caught up\n`);
      return 1;
    }
    if (end === 'stopped') {
      process.stdout.write(`${pipeline}: stopped as wanted\n`);
      return 0;
    }
    if (end === true) {
      process.stdout.write(`${pipeline}: caught up, the target holds what the source held\n`);
      return 0;
    }
    if (end.exitCode === 0) {
      process.stdout.write(`${pipeline}: ${copiesOnly ? 'finished' : 'was reset, so it ends'}\n`);
      return 0;
    }
    process.stderr.write(`weir: ${end.service}: ${end.reason ?? 'failed'}\n`);
    return end.exitCode;
  } finally {
    over.abort();
  }
}

/** Live on a terminal, a plain line now and then elsewhere; returns how to stop. */
function showProgress(hub: Hub, pipeline: string): () => Promise<void> {
  const board = new StatusBoard();
  const stop = watchStatus(hub.control, pipeline, (status) => board.put(status));
  const terminal = process.stdout.isTTY;
  const everyMs = terminal ? 1_000 : 5_000;
  let last = '';
  const timer = setInterval(() => {
    const line = `${pipeline}: ${statusLine(board.services())}`;
    if (terminal) process.stdout.write(`\r\u001b[K${line}`);
    else if (line !== last) process.stdout.write(`${line}\n`);
    last = line;
  }, everyMs);
  return async () => {
    clearInterval(timer);
    stop();
    if (terminal && last !== '') process.stdout.write('\n');
  };
}

function printFindings({ parts }: CheckReport): void {
  for (const { part, address, findings } of parts)
    for (const { level, subject, message } of findings)
      if (level !== 'ok')
        process.stderr.write(`weir: ${level}: ${part} ${address}: ${subject}: ${message}\n`);
}
