import type { ChunkOutcome } from '../../shared/connector/sink.ts';
import type { Instruments } from '../../shared/metrics/instruments.ts';
import type { Monitoring } from '../../shared/metrics/monitoring.ts';
import { addChanges, noChanges } from '../../shared/progress/change-kinds.ts';
import type { ChangeBatch } from './change-batch.ts';
import { COMMIT_METRICS } from './commit-metrics.ts';

const WINDOW_MS = 10_000;
const MAX_SAMPLES = 2_000;

/** What a commit is about. */
export type Committed = Pick<ChangeBatch, 'changes' | 'bytes' | 'counts' | 'sourceTimes'>;

/** What this writer has done, and how far behind the source its commits were lately. Counts per commit, not per row. */
export class WriterMeter {
  readonly applied = noChanges();
  readonly chunks: Record<Exclude<ChunkOutcome, 'early' | 'again'>, number> = {
    loaded: 0,
    present: 0,
    unwanted: 0,
  };
  changesApplied = 0;
  bytesApplied = 0;
  rowsCopied = 0;
  readonly #monitoring: Monitoring;
  readonly #observed: Instruments<typeof COMMIT_METRICS>;
  #samples: { atMs: number; lagMs: number }[] = [];
  readonly #commits = new Set<{ startedAtMs: number }>();

  constructor(monitoring: Monitoring) {
    this.#monitoring = monitoring;
    this.#observed = monitoring.create(COMMIT_METRICS);
  }

  /** Runs one commit of a lane and takes note of it. */
  async commit(batch: Committed, run: () => Promise<void>): Promise<void> {
    const commit = { startedAtMs: performance.now() };
    this.#commits.add(commit);
    try {
      await run();
    } finally {
      this.#commits.delete(commit);
    }
    this.#committed(batch, performance.now() - commit.startedAtMs);
  }

  #committed(batch: Committed, tookMs: number): void {
    const nowMs = Date.now();
    this.changesApplied += batch.changes;
    this.bytesApplied += batch.bytes;
    for (const counts of batch.counts.values()) addChanges(this.applied, counts);
    this.#observed.weir_writer_commit_seconds.observe(tookMs / 1_000);
    this.#observed.weir_writer_batch_changes.observe(batch.changes);
    for (const time of batch.sourceTimes)
      if (time > 0) {
        const lagMs = Math.max(0, nowMs - time);
        this.#samples.push({ atMs: nowMs, lagMs });
        this.#observed.weir_writer_lag_seconds.observe(lagMs / 1_000);
      }
    if (this.#samples.length > 2 * MAX_SAMPLES) this.#samples = this.#samples.slice(-MAX_SAMPLES);
  }

  chunkCame(outcome: Exclude<ChunkOutcome, 'early' | 'again'>, rows: number, tookMs: number): void {
    this.chunks[outcome]++;
    if (outcome !== 'loaded') return;
    this.rowsCopied += rows;
    this.#observed.weir_writer_chunk_seconds.observe(tookMs / 1_000);
  }

  /** A lane failed and is taken anew. */
  failed(code: string): void {
    this.#monitoring.failed(code);
  }

  /** How long the target has been at the oldest commit that runs; 0 where none does. */
  oldestCommitMs(): number {
    const [oldest] = this.#commits;
    return oldest === undefined ? 0 : performance.now() - oldest.startedAtMs;
  }

  /** Null when nothing was applied lately. */
  lagMs(nowMs = Date.now()): { p50: number; p99: number } | null {
    this.#samples = this.#samples.filter((sample) => nowMs - sample.atMs <= WINDOW_MS);
    const lags = this.#samples.map((sample) => sample.lagMs).sort((a, b) => a - b);
    if (lags.length === 0) return null;
    const at = (share: number): number => lags[Math.floor(share * (lags.length - 1))]!;
    return { p50: at(0.5), p99: at(0.99) };
  }
}
