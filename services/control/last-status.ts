import type { PipelineReport } from '../../shared/progress/pipeline-report.ts';
import type { ReaderStatus, ServiceStatus } from '../../shared/progress/status.ts';

/** A service that says nothing for so long is not there. */
const HEARING_MS = 10_000;
/** Numbers that are older than this are old. */
export const STALE_MS = 5_000;

/** What the services of one pipeline said last, by this machine's clock: others may go wrong. */
export class LastStatus {
  readonly #services = new Map<string, { status: ServiceStatus; atMs: number }>();
  /** Processes that have ended: what they said last may come after it is known. */
  readonly #gone = new Set<string>();
  #report: { report: PipelineReport; atMs: number } | null = null;
  #lastMs: number | null = null;

  add(status: ServiceStatus, nowMs: number): void {
    const key = `${status.service}/${status.id}`;
    if (this.#gone.has(key)) return;
    this.#services.set(key, { status, atMs: nowMs });
    if (status.service === 'stats') this.#report = { report: status.report, atMs: nowMs };
    else this.#lastMs = nowMs;
  }

  /** Those heard lately. */
  services(nowMs: number): ServiceStatus[] {
    return this.withAges(nowMs).map(({ status }) => status);
  }

  withAges(nowMs: number): { status: ServiceStatus; heardMs: number }[] {
    for (const [key, { atMs }] of this.#services)
      if (nowMs - atMs > HEARING_MS) this.#services.delete(key);
    return [...this.#services.values()].map(({ status, atMs }) => ({
      status,
      heardMs: nowMs - atMs,
    }));
  }

  reader(nowMs: number): ReaderStatus | null {
    const readers = this.services(nowMs).filter((s) => s.service === 'source-reader');
    return readers.find((s) => s.readerEpoch > 0) ?? readers[0] ?? null;
  }

  /** What the stats service said last, however long ago. */
  get report(): { report: PipelineReport; atMs: number } | null {
    return this.#report;
  }

  /** When a reader or a writer was heard last. */
  get lastMs(): number | null {
    return this.#lastMs;
  }

  /** All that were heard have ended. */
  forget(): void {
    for (const key of this.#services.keys()) this.#gone.add(key);
    this.#services.clear();
    this.#report = null;
  }
}
