import type { Logger } from 'pino';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import type { Source } from '../../shared/connector/source.ts';
import type { Hub } from '../../shared/hub/hub.ts';
import { readerSubject } from '../../shared/hub/names.ts';
import { watchNotices } from '../../shared/hub/notices.ts';
import { serve } from '../../shared/hub/requests.ts';
import { publishStatus } from '../../shared/hub/status-board.ts';
import { createWorkerId, shortWorkerId } from '../../shared/hub/worker-id.ts';
import { runService } from '../../shared/lifecycle/run-service.ts';
import { runTogether } from '../../shared/lifecycle/run-together.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { READER_REQUEST } from '../../shared/progress/reader-request-schema.ts';
import type { ReaderStatus, RetentionStatus } from '../../shared/progress/status.ts';
import { awaitRunning } from './await-running.ts';
import { measureReader } from './metrics.ts';
import type { PlanShape } from './plan-shape.ts';
import { answerReader } from './reader-answers.ts';
import { ReaderEpoch } from './reader-epoch.ts';
import { whileHoldingLease } from './reader-lease.ts';
import { ReaderMeter } from './reader-meter.ts';
import { RetentionExceeded, watchRetention } from './retention-watch.ts';
import { TargetClient } from './target-client.ts';

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
  const { spec, source, hub, monitoring } = options;
  const reader = new SourceReader(options);
  measureReader(monitoring, reader.meter, () => reader.status());
  const stops = [
    publishStatus(hub.control, () => reader.status()),
    serve(hub.control, readerSubject(spec.name), 'reader', READER_REQUEST, (request) =>
      answerReader(reader, request),
    ),
    watchNotices(hub.control, spec.name, (notice) => {
      if (notice.kind === 'reset') reader.gone.abort();
    }),
  ];
  try {
    await reader.run();
  } finally {
    for (const stop of stops.reverse()) stop();
    await source.close();
  }
}

class SourceReader {
  readonly meter = new ReaderMeter();
  /** The pipeline was reset: to begin again by itself would be the last thing wanted. */
  readonly gone = new AbortController();
  readonly pipeline: string;
  readonly source: Source;
  epoch: ReaderEpoch | null = null;
  phase: ReaderStatus['phase'] = 'starting';
  readonly #options: SourceReaderOptions;
  readonly #id = createWorkerId();
  readonly #target: TargetClient;
  #problem: string | null = null;
  #late: string | null = null;
  #retention: RetentionStatus | null = null;

  constructor(options: SourceReaderOptions) {
    this.#options = options;
    this.source = options.source;
    this.pipeline = options.spec.name;
    this.#target = new TargetClient(options.hub, this.pipeline);
  }

  status(): ReaderStatus {
    const { epoch } = this;
    return {
      service: 'source-reader',
      pipeline: this.pipeline,
      id: shortWorkerId(this.#id),
      pid: process.pid,
      atMs: Date.now(),
      problem: this.#problem ?? epoch?.problem ?? this.#late ?? this.source.problem?.() ?? null,
      phase: epoch?.phase ?? this.phase,
      readerEpoch: epoch?.number ?? 0,
      copy: epoch?.copy ?? {},
      read: epoch?.read ?? {},
      lagMs: epoch?.lagMs ?? null,
      retention: this.#retention,
    };
  }

  async run(): Promise<void> {
    const { log, monitoring, signal } = this.#options;
    try {
      await runService({
        log,
        signal: AbortSignal.any([signal, this.gone.signal]),
        onProblem: (text, code) => {
          this.#problem = text;
          monitoring.failed(code);
        },
        body: (outer) => this.#holdingLease(outer),
      });
      if (this.gone.signal.aborted) log.info('pipeline was reset, the reader ends');
    } catch (error) {
      this.phase = 'failed';
      throw error;
    }
  }

  #holdingLease(signal: AbortSignal): Promise<void> {
    const { hub, log } = this.#options;
    const options = {
      hub,
      pipeline: this.pipeline,
      holder: this.#id,
      log,
      onProblem: (text: string | null) => (this.#problem = text),
      onLate: (text: string | null) => (this.#late = text),
    };
    return whileHoldingLease(options, signal, (leased) => this.#watchingRetention(leased));
  }

  /** Works under the eyes of the one who looks at the source's log; releases the position where that is the policy. */
  async #watchingRetention(leased: AbortSignal): Promise<void> {
    const { spec, source, log } = this.#options;
    if (spec.mode === 'snapshot') return this.#runEpochs(leased);
    const over = new AbortController();
    const policy = spec.source.retention;
    const onStatus = (status: RetentionStatus | null): void => void (this.#retention = status);
    try {
      await runTogether(AbortSignal.any([leased, over.signal]), [
        (inner) => this.#runEpochs(inner).finally(() => over.abort()),
        (inner) => watchRetention({ source, policy, log, onStatus }, inner),
      ]);
    } catch (error) {
      if (!(error instanceof RetentionExceeded)) throw error;
      throw await source.giveUpPosition(error.message);
    }
  }

  async #runEpochs(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    while (!signal.aborted && this.phase !== 'finished') {
      this.phase = 'starting';
      const onIdle = (phase: 'paused' | 'stopped'): void => void (this.phase = phase);
      if ((await awaitRunning(this.#target, log, signal, onIdle)) === 'gone') this.gone.abort();
      if (signal.aborted) return;
      await this.#runEpoch(signal);
    }
  }

  async #runEpoch(signal: AbortSignal): Promise<void> {
    const { spec, source, dataType, planShape, hub, log } = this.#options;
    const epoch = await ReaderEpoch.begin({ spec, source, dataType, planShape, hub, log, signal });
    this.epoch = epoch;
    this.#problem = null;
    this.meter.begin(epoch);
    try {
      await epoch.run(signal);
      this.phase = epoch.phase;
    } finally {
      this.meter.end();
      this.epoch = null;
      await epoch.close();
    }
  }
}
