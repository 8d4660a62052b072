import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Source } from '../../shared/connector/source.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
import { createHolder, shortHolder } from '../../shared/hub/holder.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { readerSubject } from '../../shared/hub/names.ts';
import { serve } from '../../shared/hub/requests.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';
import { pause } from '../../shared/lifecycle/backoff.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import { runService } from '../../shared/lifecycle/run-service.ts';
import type { ReaderAnswers, ReaderRequest } from '../../shared/progress/reader-requests.ts';
import type { ReaderStatus, RetentionStatus } from '../../shared/progress/status.ts';
import { whileHoldingLease } from './reader-lease.ts';
import { ReaderEpoch } from './reader-epoch.ts';
import { RetentionExceeded, watchRetention } from './retention-watch.ts';
import { TargetClient } from './target-client.ts';

const IDLE_POLL_MS = 1_000;

export interface SourceReaderOptions {
  spec: PipelineSpec;
  source: Source;
  hub: Hub;
  log: Logger;
  signal: AbortSignal;
}

/**
 * The service that reads the source. It lives in epochs: each begins with what the target holds, empties the lanes
 * and sends everything after that. Any failure that can heal (a connection, the broker, a lane with a gap) ends the
 * epoch and begins the next; the cost is reading a little again.
 */
export async function runSourceReader(options: SourceReaderOptions): Promise<void> {
  const { spec, source, hub, log, signal } = options;
  const holder = createHolder();
  const target = new TargetClient(hub, spec.name);
  let epoch: ReaderEpoch | null = null;
  let problem: string | null = null;
  let retention: RetentionStatus | null = null;
  let phase: ReaderStatus['phase'] = 'starting';

  const stopStatus = publishStatus(hub.control, () => ({
    service: 'source-reader',
    pipeline: spec.name,
    id: shortHolder(holder),
    pid: process.pid,
    atMs: Date.now(),
    problem,
    phase: epoch?.phase ?? phase,
    readerEpoch: epoch?.number ?? 0,
    copy: epoch?.copy ?? {},
    read: epoch?.read ?? {},
    lagMs: epoch?.lagMs ?? null,
    retention,
  }));
  const stopServing = serve(hub.control, readerSubject(spec.name), 'reader', (request) =>
    answer(epoch, request as ReaderRequest),
  );

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
      signal,
      onProblem: (text) => (problem = text),
      body: (outer) =>
        whileHoldingLease({ hub, pipeline: spec.name, holder, log }, outer, async (leased) => {
          await watched(leased, async (inner) => {
            while (!inner.aborted && phase !== 'finished') {
              phase = 'starting';
              await untilWanted(target, log, inner, (idle) => (phase = idle));
              if (inner.aborted) return;
              epoch = await ReaderEpoch.begin({ spec, source, hub, log, signal: inner });
              problem = null;
              try {
                await epoch.run(inner);
                phase = epoch.phase;
              } finally {
                const ended: ReaderEpoch = epoch;
                epoch = null;
                await ended.close();
              }
            }
          });
        }),
    });
  } catch (error) {
    phase = 'failed';
    throw error;
  } finally {
    stopServing();
    stopStatus();
    await source.close();
  }
}

/** Returns when the pipeline is to run; until then it is idle as people wanted it. */
async function untilWanted(
  target: TargetClient,
  log: Logger,
  signal: AbortSignal,
  onIdle: (phase: 'paused' | 'stopped') => void,
): Promise<void> {
  let told = false;
  while (!signal.aborted) {
    const progress = await target.askIfPresent({ op: 'progress' });
    if (progress === undefined) {
      await pause(IDLE_POLL_MS / 5, signal);
      continue;
    }
    const desired = progress?.desired ?? 'running';
    if (desired === 'running') return;
    if (!told) log.info({ desired }, 'pipeline is idle as wanted');
    told = true;
    onIdle(desired);
    await pause(IDLE_POLL_MS, signal);
  }
}

async function answer(
  epoch: ReaderEpoch | null,
  request: ReaderRequest,
): Promise<ReaderAnswers[ReaderRequest['op']]> {
  if (epoch === null) throw new WeirError('UNREACHABLE', 'the source-reader is not ready yet');
  switch (request.op) {
    case 'mark':
      return { head: epoch.phase === 'streaming' ? await epoch.head() : null };
    case 'sideState':
      await epoch.sendSideState();
      return null;
  }
}
