import { writeFile } from 'node:fs/promises';
import { naming } from '../../../shared/errors/file-problem.ts';
import { readPipelineFile } from '../../../shared/config/pipeline-file.ts';
import type { PipelineSpec } from '../../../shared/config/pipeline-spec.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { connectHub, type Hub } from '../../../shared/hub/hub.ts';
import { parseListenAddress } from '../../../shared/metrics/listen-address.ts';
import { pause } from '../../../shared/lifecycle/backoff.ts';
import { watchStatus } from '../../../shared/hub/status-board.ts';
import { PIPELINE_PARTS } from '../../wiring/pipeline-parts.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { isReaderLeased } from '../../source-reader/reader-lease.ts';
import { readAccess } from '../control/access-options.ts';
import { checkPipeline, type CheckReport } from '../../preflight/pipeline-check.ts';
import { startNats } from '../../supervisor/embedded/nats-server.ts';
import type { FinalReport } from '../run/final-report.ts';
import { finalReportText } from '../run/final-report-text.ts';
import { RunMeter } from '../run/run-meter.ts';
import { RunView } from '../run/run-view.ts';
import { stopSignal } from '../stop-signal.ts';
import { watchPipeline } from '../../supervisor/watch-pipeline.ts';
import { waitUntilCaughtUp } from '../../supervisor/caught-up.ts';
import { writeRunFile } from '../../supervisor/run-file.ts';
import { compareEnds, refuseTransformed } from '../../wiring/compare-ends.ts';
import { untilStopped, requestRunning } from '../../supervisor/desired-state.ts';
import { startPipeline, type Supervisor } from '../../supervisor/supervisor.ts';

/** The reader, transformers, then the writers, each within its own deadline, then the rest. */
const STOP_DEADLINE_MS = 40_000;

export interface RunOptions {
  until?: 'caught-up';
  writers?: number;
  metricsListen?: string;
  /** Where control is served for this pipeline. */
  listen?: string;
  tokens?: string;
  /** Where the report at the end is written as JSON. */
  report?: string;
  /** Compare both ends at the end. */
  verify?: boolean;
}

/** Runs everything the pipeline needs on this machine; returns the exit code. */
export async function runRun(file: string, options: RunOptions): Promise<number> {
  const listen = parseListenAddress(options.metricsListen ?? process.env['WEIR_METRICS_LISTEN']);
  const spec = await readPipelineFile(file, PIPELINE_PARTS);
  if (options.verify === true) refuseTransformed(spec);
  const { listen: controlListen } = options;
  const access =
    controlListen === undefined ? null : await readAccess({ ...options, listen: controlListen });
  const stop = stopSignal({ deadlineMs: STOP_DEADLINE_MS });
  const cleanUp: (() => Promise<void>)[] = [];
  try {
    // Both take their time; what the check finds is told first.
    const [checked, opened] = await Promise.allSettled([
      checkPipeline(spec),
      openBroker(spec, cleanUp),
    ]);
    const report = valueOf(checked);
    printFindings(report);
    if (!report.fit) return 1;
    const { hub, natsUrl } = valueOf(opened);
    cleanUp.push(await writeRunFile({ pipeline: spec.name, pid: process.pid, natsUrl }));
    const view = new RunView(hub, spec.name);
    cleanUp.push(async () => view.stop());
    const meter = new RunMeter(hub, spec.name);
    cleanUp.push(async () => meter.stop());
    const supervisor = startPipeline({
      file,
      spec,
      natsUrl,
      writers: options.writers ?? spec.writers,
      metricsListen: listen,
      onLog: (line) => view.log(line),
    });
    cleanUp.push(() => supervisor.stop());
    const onLog = (line: string): void => view.log(line);
    cleanUp.push(await watchPipeline(hub, spec.name, listen, { onLog }));
    if (access !== null) {
      const { beginControl } = await import('../control/begin-control.ts');
      const log = createLogger({ service: 'control', level: 'warn' });
      const files = [{ file, spec }];
      const control = await beginControl({
        hub,
        natsUrl,
        access,
        log,
        state: null,
        files,
        metricsListen: null,
      });
      cleanUp.push(() => control.stop());
      process.stdout.write(`${spec.name}: control: ${control.url}\n`);
    }
    const { outcome, exitCode } = await supervise(
      supervisor,
      hub,
      spec,
      options.until,
      stop.signal,
    );
    view.stop();
    if (outcome === null) return exitCode;
    return await reportTheEnd(meter, outcome, spec, options);
  } finally {
    for (const step of cleanUp.reverse()) await step();
    stop.dispose();
  }
}

/** Of the pipeline file, or one for this run only. */
async function openBroker(
  { name, nats: { url } }: PipelineSpec,
  cleanUp: (() => Promise<void>)[],
): Promise<{ hub: Hub; natsUrl: string }> {
  let natsUrl = url?.reveal();
  if (natsUrl === undefined) {
    const nats = await startNats();
    cleanUp.push(() => nats.stop());
    natsUrl = nats.url;
  }
  const hub = await connectHub({ url: natsUrl, name: `weir/${name}/run` });
  cleanUp.push(() => hub.close());
  if (url !== null) await refuseSecondRun(hub, name);
  return { hub, natsUrl };
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** A reader that lives says so every second; of one that is gone only the lease is there, for some seconds more. */
const HEARD_MS = 3_000;

/** Before anything is started, which would take its share of the lanes. Elsewhere the source refuses a second reader. */
async function refuseSecondRun(hub: Hub, pipeline: string): Promise<void> {
  if (!(await isReaderLeased(hub, pipeline))) return;
  const heard = new AbortController();
  const stop = watchStatus(hub.control, pipeline, (status) => {
    if (status.service === 'source-reader') heard.abort();
  });
  await pause(HEARD_MS, heard.signal);
  stop();
  if (heard.signal.aborted)
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
): Promise<{ exitCode: number; outcome: FinalReport['outcome'] | null }> {
  const ended = (exitCode: number, outcome: FinalReport['outcome'] | null = null) => ({
    exitCode,
    outcome,
  });
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
      requestRunning(hub, pipeline, waiting).then(() => untilStopped(hub, pipeline, waiting)),
      ...(until === undefined ? [] : [waitUntilCaughtUp(hub, pipeline, waiting)]),
    ]);
    if (end === null || end === false) {
      if (until === undefined) return ended(0);
      process.stderr.write(`weir: ${pipeline} was stopped before it had caught up\n`);
      return ended(1);
    }
    if (end === 'stopped') {
      process.stdout.write(`${pipeline}: stopped, as requested\n`);
      return ended(0);
    }
    if (end === true) {
      process.stdout.write(`${pipeline}: caught up, the target holds what the source held\n`);
      return ended(0, 'caught-up');
    }
    if (end.exitCode === 0) {
      process.stdout.write(`${pipeline}: ${copiesOnly ? 'finished' : 'was reset, so it ends'}\n`);
      return ended(0, copiesOnly ? 'finished' : null);
    }
    process.stderr.write(`weir: ${end.service}: ${end.reason ?? 'failed'}\n`);
    return ended(end.exitCode);
  } finally {
    over.abort();
  }
}

/** What a finite pipeline came to, on the terminal and in a file; 1 where both ends were compared and differ. */
async function reportTheEnd(
  meter: RunMeter,
  outcome: FinalReport['outcome'],
  spec: PipelineSpec,
  { report: file, verify }: RunOptions,
): Promise<number> {
  const report = await meter.finish(outcome);
  if (report === null) return 0;
  if (verify === true) {
    const { equal, rows } = await compareEnds(spec);
    report.verification = { equal, rows };
  }
  process.stdout.write(`${finalReportText(report)}\n`);
  if (file !== undefined)
    await naming(file, writeFile(file, `${JSON.stringify(report, null, 2)}\n`));
  return report.verification?.equal === false ? 1 : 0;
}

function printFindings({ parts }: CheckReport): void {
  for (const { part, address, findings } of parts)
    for (const { level, subject, message } of findings)
      if (level !== 'ok')
        process.stderr.write(`weir: ${level}: ${part} ${address}: ${subject}: ${message}\n`);
}
