import { setTimeout as sleep } from 'node:timers/promises';
import { redactUrls } from '../../../shared/config/redact-url.ts';
import { DemoPipeline } from '../../../infra/demo/demo-pipeline.ts';
import {
  isProven,
  reportText,
  sameCounts,
  type DemoOutcome,
} from '../../../infra/demo/demo-report.ts';
import { startDemoServers, type DemoServers } from '../../../infra/demo/demo-servers.ts';
import { startMarkers } from '../../../infra/demo/markers.ts';
import { Guard } from '../../../infra/demo/guard.ts';
import { Progress } from '../../../infra/demo/progress.ts';
import { createShop, SHOP_TABLES } from '../../../infra/demo/shop.ts';
import { compareAsText } from '../../../infra/demo/text-comparison.ts';
import { startWorkload } from '../../../infra/demo/workload.ts';
import { PipelineEnds } from '../../wiring/pipeline-ends.ts';
import { stopSignal } from '../stop-signal.ts';
import { statusLine } from '../status/status-line.ts';
import { verifyPipeline, type VerifyReport } from '../../verifier/verify-pipeline.ts';

export interface DemoOptions {
  stay: boolean;
  rows: number;
  seconds: number;
}

const SEED = 7;
const CHANGES_PER_SECOND = 1_500;
const LARGE_TRANSACTION_ROWS = 50_000;
const COUNTS_PATIENCE_MS = 5_000;
const INTERRUPTED = 130;

/** The main job on servers of its own, ending in a report: 0 only if both ends were proven equal. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const stop = stopSignal();
  const cleanUp: (() => Promise<void>)[] = [];
  const progress = new Progress();
  try {
    progress.say('starting two PostgreSQL servers and NATS');
    const servers = await startDemoServers(stop.signal, cleanUp);
    stop.signal.throwIfAborted();
    progress.say('generating the shop at the source');
    await createShop(servers.sourceUrl, options.rows);
    stop.signal.throwIfAborted();
    const pipeline = await DemoPipeline.start(servers, cleanUp);
    const outcome = await follow(pipeline, servers, options, progress, stop.signal);
    console.log(`\n${redactUrls(reportText(outcome))}\n`);
    if (options.stay) await stay(pipeline, servers, stop.signal);
    return isProven(outcome) ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress.say('stopping and removing everything');
    return INTERRUPTED;
  } finally {
    await cleanUpAll(cleanUp);
    stop.dispose();
  }
}

/** Copies while changes are written, follows them for a while, lets the target catch up and compares. */
async function follow(
  pipeline: DemoPipeline,
  servers: DemoServers,
  options: DemoOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<DemoOutcome> {
  const { sourceUrl, targetUrl } = servers;
  progress.say(`starting the services; about ${CHANGES_PER_SECOND} changes a second are written`);
  const guard = new Guard(signal);
  guard.watch(pipeline.failed());
  const workload = await startWorkload(sourceUrl, {
    ratePerSecond: CHANGES_PER_SECOND,
    seed: SEED,
  });
  guard.watch(workload.done);
  const ended = new AbortController();
  const until = (isOver: () => boolean): Promise<void> =>
    guard.wait(watch(pipeline, progress, isOver, ended.signal));
  const caughtUp = (): Promise<void> => {
    let isDone = false;
    const done = pipeline.catchUp(AbortSignal.any([guard.signal, ended.signal]));
    return Promise.all([guard.wait(done).then(() => (isDone = true)), until(() => isDone)]).then(
      () => undefined,
    );
  };
  try {
    await until(() => pipeline.isCopying());
    progress.say('copying');
    const copyMs = performance.now();
    await until(() => pipeline.isCopied());
    const copySeconds = secondsSince(copyMs);
    progress.say('copied; catching up with what was written meanwhile');
    const followMs = performance.now();
    await caughtUp();

    progress.say(`following for ${options.seconds} s`);
    const steadyMs = performance.now();
    const isAfter = (share: number) => () => secondsSince(steadyMs) >= share * options.seconds;
    const markers = await guard.wait(startMarkers(sourceUrl, targetUrl));
    guard.watch(markers.done);
    await until(isAfter(1 / 3));
    progress.say(`one transaction of ${LARGE_TRANSACTION_ROWS} rows among the small ones`);
    await guard.wait(workload.writeLarge(LARGE_TRANSACTION_ROWS));
    await until(isAfter(1));
    const counts = await guard.wait(workload.stop());
    const lag = await guard.wait(markers.stop());

    progress.say('no more changes are written; catching up');
    const lastMs = performance.now();
    await caughtUp();
    const catchUpSeconds = secondsSince(lastMs);
    const followSeconds = secondsSince(followMs);

    progress.say('comparing source and target row by row');
    const balance = await guard.wait(readBalance(pipeline));
    const verified = await guard.wait(verify(pipeline));
    const asText = await guard.wait(compareAsText(sourceUrl, targetUrl, SHOP_TABLES));
    return {
      ...balance,
      workload: counts,
      lag,
      copySeconds,
      followSeconds,
      catchUpSeconds,
      verified,
      asText,
    };
  } finally {
    ended.abort();
  }
}

/** Shows how it is going until `isOver`. */
async function watch(
  pipeline: DemoPipeline,
  progress: Progress,
  isOver: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!isOver()) {
    await sleep(100, undefined, { signal });
    progress.show(statusLine(pipeline.board.services()));
  }
}

/** What was read and what was applied; the reader says its part about once a second. */
async function readBalance(pipeline: DemoPipeline): Promise<Pick<DemoOutcome, 'read' | 'state'>> {
  const startMs = performance.now();
  for (;;) {
    const state = await pipeline.state();
    const read = pipeline.reader()?.read ?? {};
    const names = state.plan.namespaces.map(({ relation }) => relation.namespace);
    const isSettled = names.every((name) => sameCounts(read[name], state.applied[name]));
    if (isSettled || performance.now() - startMs > COUNTS_PATIENCE_MS) return { read, state };
    await sleep(200);
  }
}

async function verify(pipeline: DemoPipeline): Promise<VerifyReport> {
  const verifiers = (await PipelineEnds.load(pipeline.spec)).createVerifiers();
  try {
    return await verifyPipeline(pipeline.spec, verifiers);
  } finally {
    await Promise.all([verifiers.source.close(), verifiers.target.close()]);
  }
}

/** Leaves everything running, with changes flowing, until Ctrl-C or a failure. */
async function stay(
  pipeline: DemoPipeline,
  { sourceUrl, targetUrl, natsUrl, password }: DemoServers,
  signal: AbortSignal,
): Promise<void> {
  console.log(`source    ${sourceUrl}
target    ${targetUrl}
nats      ${natsUrl}
pipeline  ${pipeline.file} (with WEIR_DEMO_PASSWORD=${password} and WEIR_NATS_URL=${natsUrl})
try       weir verify, check or status; changes keep flowing until Ctrl-C`);
  const workload = await startWorkload(sourceUrl, { ratePerSecond: 200, seed: SEED + 1 });
  const guard = new Guard(signal);
  guard.watch(pipeline.failed());
  guard.watch(workload.done);
  try {
    await guard.wait(new Promise<never>(() => undefined));
  } finally {
    await workload.stop();
  }
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1_000;
}

/** All of it, last first, whatever one of them says; the first failure is told at the end. */
async function cleanUpAll(steps: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.reverse()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
