import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Source } from '../../shared/connector/source.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
import { createWorkerId, shortWorkerId } from '../../shared/hub/worker-id.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { watchNotices } from '../../shared/hub/notices.ts';
import { readerSubject } from '../../shared/hub/names.ts';
import { serve } from '../../shared/hub/requests.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import { runService } from '../../shared/lifecycle/run-service.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import type { ReaderAnswers, ReaderRequest } from '../../shared/progress/reader-requests.ts';
import { READER_REQUEST } from '../../shared/progress/reader-request-schema.ts';
import { stillRunning } from '../../shared/progress/still-running.ts';
import type { ReaderStatus, RetentionStatus } from '../../shared/progress/status.ts';
import { whileHoldingLease } from './reader-lease.ts';
import { measureReader } from './metrics.ts';
import type { PlanShape } from './plan-shape.ts';
import { ReaderEpoch } from './reader-epoch.ts';
import { ReaderMeter } from './reader-meter.ts';
import { RetentionExceeded, watchRetention } from './retention-watch.ts';
import { TargetClient } from './target-client.ts';

const IDLE_POLL_MS = 1_000;

export interface SourceReaderOptions {
  spec: PipelineSpec;
  source: Source;
  /** What its data is to come in: see `SourceScope`. */
  dataType: string;
  planShape: PlanShape | null;
  hub: Hub;
  log: Logger;
  monitoring: Monitoring;
  signal: AbortSignal;
}

/**
 * The service that reads the source. It lives in epochs: each begins with what the target holds, empties the lanes
 * and sends everything after that. Any failure that can heal (a connection, the broker, a lane with a gap) ends the
 * epoch and begins the next; the cost is reading a little again.
 */
export async function runSourceReader(options: SourceReaderOptions): Promise<void> {
  const { spec, source, dataType, planShape, hub, log, monitoring, signal } = options;
  const holder = createWorkerId();
  const target = new TargetClient(hub, spec.name);
  let epoch: ReaderEpoch | null = null;
  let problem: string | null = null;
  let late: string | null = null;
  let retention: RetentionStatus | null = null;
  let phase: ReaderStatus['phase'] = 'starting';

  const status = (): ReaderStatus => ({
    service: 'source-reader',
    pipeline: spec.name,
    id: shortWorkerId(holder),
    pid: process.pid,
    atMs: Date.now(),
    problem: problem ?? epoch?.problem ?? late ?? source.problem?.() ?? null,
    phase: epoch?.phase ?? phase,
    readerEpoch: epoch?.number ?? 0,
    copy: epoch?.copy ?? {},
    read: epoch?.read ?? {},
    lagMs: epoch?.lagMs ?? null,
    retention,
  });
  const meter = new ReaderMeter();
  measureReader(monitoring, meter, status);
  const stopStatus = publishStatus(hub.control, status);
  const stopServing = serve(
    hub.control,
    readerSubject(spec.name),
    'reader',
    READER_REQUEST,
    (request) => answer({ epoch, phase, source, pipeline: spec.name }, request),
  );

  const gone = new AbortController();
  const stopWatching = watchNotices(hub.control, spec.name, (notice) => {
    if (notice.kind === 'reset') gone.abort();
  });

  /** Works under the eyes of the one who looks at the source's log; gives the position up where that is the policy. */
  const watched = async (
    leased: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    if (spec.mode === 'snapshot') return work(leased);
    const over = new AbortController();
    const policy = spec.source.retention;
    const onStatus = (status: RetentionStatus | null): void => void (retention = status);
    try {
      await runTogether(AbortSignal.any([leased, over.signal]), [
        (inner) => work(inner).finally(() => over.abort()),
        (inner) => watchRetention({ source, policy, log, onStatus }, inner),
      ]);
    } catch (error) {
      if (!(error instanceof RetentionExceeded)) throw error;
      throw await source.giveUpPosition(error.message);
    }
  };

  try {
    await runService({
      log,
      // To begin again by itself would be the last thing wanted after a reset.
      signal: AbortSignal.any([signal, gone.signal]),
      onProblem: (text, code) => {
        problem = text;
        monitoring.failed(code);
      },
      body: (outer) =>
        whileHoldingLease(
          {
            hub,
            pipeline: spec.name,
            holder,
            log,
            onProblem: (text) => (problem = text),
            onLate: (text) => (late = text),
          },
          outer,
          async (leased) => {
            await watched(leased, async (inner) => {
              while (!inner.aborted && phase !== 'finished') {
                phase = 'starting';
                const wanted = await untilWanted(target, log, inner, (idle) => (phase = idle));
                if (wanted === 'gone') gone.abort();
                if (inner.aborted) return;
                epoch = await ReaderEpoch.begin({
                  spec,
                  source,
                  dataType,
                  planShape,
                  hub,
                  log,
                  signal: inner,
                });
                problem = null;
                meter.begin(epoch);
                try {
                  await epoch.run(inner);
                  phase = epoch.phase;
                } finally {
                  const ended: ReaderEpoch = epoch;
                  meter.end();
                  epoch = null;
                  await ended.close();
                }
              }
            });
          },
        ),
    });
    if (gone.signal.aborted) log.info('pipeline was reset, the reader ends');
  } catch (error) {
    phase = 'failed';
    throw error;
  } finally {
    stopWatching();
    stopServing();
    stopStatus();
    await source.close();
  }
}

/** Returns when the pipeline is to run, or was reset while it was idle; until then it is idle as people wanted it. */
async function untilWanted(
  target: TargetClient,
  log: Logger,
  signal: AbortSignal,
  onIdle: (phase: 'paused' | 'stopped') => void,
): Promise<'running' | 'gone' | 'aborted'> {
  let told = false;
  while (!signal.aborted) {
    const progress = await target.askIfPresent({ op: 'progress' });
    if (progress === undefined) {
      await pause(IDLE_POLL_MS / 5, signal);
      continue;
    }
    if (progress === null && told) return 'gone';
    const desired = progress?.desired ?? 'running';
    if (desired === 'running') {
      if (told) log.info({ desired }, 'pipeline resumed');
      return 'running';
    }
    if (!told) log.info({ desired }, 'pipeline is idle, as requested');
    told = true;
    onIdle(desired);
    await pause(IDLE_POLL_MS, signal);
  }
  return 'aborted';
}

interface Reader {
  epoch: ReaderEpoch | null;
  phase: ReaderStatus['phase'];
  source: Source;
  pipeline: string;
}

async function answer(
  { epoch, phase, source, pipeline }: Reader,
  request: ReaderRequest,
): Promise<ReaderAnswers[ReaderRequest['op']]> {
  if (request.op === 'reset') {
    if (epoch !== null) throw stillRunning(pipeline);
    if (phase !== 'paused' && phase !== 'stopped') throw notReady();
    await source.reset();
    return null;
  }
  if (epoch === null) throw notReady();
  switch (request.op) {
    case 'mark':
      return epoch.mark(request.reached);
    case 'sideState':
      await epoch.sendSideState();
      return null;
  }
}

function notReady(): WeirError {
  return new WeirError('UNREACHABLE', 'the source-reader is not ready yet');
}
