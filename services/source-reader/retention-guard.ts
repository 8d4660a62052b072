import { formatByteSize } from '../../shared/config/byte-size.ts';
import { formatDuration } from '../../shared/config/duration.ts';
import type { RetentionPolicy } from '../../shared/config/pipeline-spec.ts';
import type { Retention } from '../../shared/connector/source.ts';
import type { RetentionStatus } from '../../shared/progress/status.ts';

/** Growth is measured over this time, and a prediction is made once it has been seen for a fifth of it. */
const WINDOW_MS = 300_000;
const LEAST_WINDOW_MS = WINDOW_MS / 5;
/** Shares of the limit: to warn in any case, to take the warning back, and to predict anything at all. */
const WARN_SHARE = 0.8;
const CALM_SHARE = 0.6;
const PREDICT_SHARE = 0.1;
/** A warning for its time is taken back when there is that many times as much time. */
const CALM_FACTOR = 2;

/** Judges what the source keeps for the pipeline, look by look. Knows no clock and does nothing itself. */
export class RetentionGuard {
  readonly #policy: RetentionPolicy;
  #samples: { atMs: number; retainedBytes: number }[] = [];
  #warning: string | null = null;

  constructor(policy: RetentionPolicy) {
    this.#policy = policy;
  }

  observe(now: Retention, nowMs: number): RetentionStatus {
    const { retainedBytes } = now;
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    this.#samples.push({ atMs: nowMs, retainedBytes });
    const limitBytes = leastOf(this.#policy.limitBytes, now.limitBytes);
    const growthBytesPerSecond = this.#growth();
    const secondsToLimit =
      limitBytes === null || growthBytesPerSecond === 0
        ? null
        : Math.max(0, Math.round((limitBytes - retainedBytes) / growthBytesPerSecond));
    const status = { retainedBytes, limitBytes, growthBytesPerSecond, secondsToLimit };
    this.#warning = this.#isWorrying(now, status, nowMs) ? this.#sentence(now, status) : null;
    return { ...status, warning: this.#warning };
  }

  /** Why the position must be given up, as a sentence without its end; null where it need not be. */
  reasonToGiveUp({ retainedBytes }: Retention): string | null {
    const { limitBytes, onLimit } = this.#policy;
    if (onLimit !== 'stop' || limitBytes === null || retainedBytes <= limitBytes) return null;
    return `The source held back ${formatByteSize(retainedBytes)} of its log for this pipeline, and source.retention.limit is ${formatByteSize(limitBytes)}`;
  }

  #growth(): number {
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    const seconds = (last.atMs - first.atMs) / 1_000;
    return seconds === 0 ? 0 : Math.max(0, (last.retainedBytes - first.retainedBytes) / seconds);
  }

  #isWorrying(now: Retention, status: Omit<RetentionStatus, 'warning'>, nowMs: number): boolean {
    const { retainedBytes, limitBytes, secondsToLimit } = status;
    if (now.state === 'lost') return true;
    if (limitBytes === null) return false;
    const warned = this.#warning !== null;
    const share = limitBytes <= 0 ? 1 : retainedBytes / limitBytes;
    if (share >= (warned ? CALM_SHARE : WARN_SHARE)) return true;
    const seenLongEnough = nowMs - this.#samples[0]!.atMs >= LEAST_WINDOW_MS;
    const soonMs = this.#policy.warnWithinMs * (warned ? CALM_FACTOR : 1);
    return (
      share >= PREDICT_SHARE &&
      seenLongEnough &&
      secondsToLimit !== null &&
      secondsToLimit * 1_000 < soonMs
    );
  }

  #sentence(now: Retention, status: Omit<RetentionStatus, 'warning'>): string {
    if (now.state === 'lost')
      return 'the source no longer has the log at the position of this pipeline; run `weir reset` and copy again';
    const { retainedBytes, limitBytes, secondsToLimit, growthBytesPerSecond } = status;
    const when =
      secondsToLimit === null
        ? 'and does not grow now'
        : `and grows by ${formatByteSize(growthBytesPerSecond)} a second: full in about ${formatDuration(secondsToLimit * 1_000)}`;
    const own = this.#policy.limitBytes === limitBytes;
    const then =
      own && this.#policy.onLimit === 'keep' ? 'nothing is released' : 'only a new copy helps';
    return `the source holds back ${formatByteSize(retainedBytes)} of its log for this pipeline, of at most ${formatByteSize(limitBytes ?? 0)} (${own ? 'source.retention.limit' : "the store's own limit"}), ${when}; see that the target takes changes, or raise the limit: beyond it ${then}`;
  }
}

function leastOf(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
