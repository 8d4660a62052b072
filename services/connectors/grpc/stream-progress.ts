/**
 * After this long without a word there is nothing, as far as can be told of a source that does not say. One that has just
 * been opened may take its time before the first; and where something speaks against it, much more is waited for.
 */
const SILENCE_MS = { afterMessage: 2_000, afterOpening: 10_000 };
const IN_DOUBT = 6;

/**
 * How far one stream of updates has come, for telling whether everything that was committed at an instant has been given.
 * Nothing says so for certain; this takes what the source offers: how many changes there are (StreamLSN), the time of the
 * newest message, messages that bring a cursor only, and silence.
 */
export class StreamProgress {
  /** Changes given since the cursor that the session began at. */
  given = 0;
  /** The same up to the last cursor: what comes again behind a break is not counted twice. */
  #givenAtCursor = 0;
  #isOpen = false;
  /** Since it was opened. */
  #hasSpoken = false;
  #heardAtMs = 0;
  #sourceTimeMs = 0;
  #idleAtMs = 0;
  #counted: { changes: number; atMs: number } | null = null;
  #isToCount: boolean;

  /** `counts`: the source has promised to say how many changes there are. */
  constructor(counts: boolean) {
    this.#isToCount = counts;
  }

  opened(nowMs: number): void {
    this.#isOpen = true;
    this.#hasSpoken = false;
    this.#heardAtMs = nowMs;
    this.given = this.#givenAtCursor;
  }

  /** `ended`: the source had no more to give; otherwise it broke. */
  closed(ended: boolean, nowMs: number): void {
    this.#isOpen = false;
    if (ended) this.#idleAtMs = nowMs;
  }

  /** A message has been given on; `goesOn`: it brought a cursor from which a stream that breaks goes on. */
  heard(changes: number, goesOn: boolean, sourceTimeMs: number | null, nowMs: number): void {
    this.given += changes;
    this.#hasSpoken = true;
    if (goesOn) this.#givenAtCursor = this.given;
    this.#heardAtMs = nowMs;
    if (changes === 0) this.#idleAtMs = nowMs;
    if (sourceTimeMs !== null) this.#sourceTimeMs = Math.max(this.#sourceTimeMs, sourceTimeMs);
  }

  /** The source has counted so many changes since that cursor. */
  counted(changes: number, nowMs: number): void {
    this.#counted = { changes, atMs: nowMs };
  }

  /** It counts no more, and never may have. */
  countEnded(): void {
    this.#counted = null;
    this.#isToCount = false;
  }

  /** Changes that the source has counted and not given yet; null where it does not count. */
  get behind(): number | null {
    return this.#counted === null ? null : Math.max(0, this.#counted.changes - this.given);
  }

  hasComeTo(instantMs: number, nowMs: number): boolean {
    const isBehind = (this.behind ?? 0) > 0;
    const told = Math.max(this.#counted?.atMs ?? 0, this.#sourceTimeMs, this.#idleAtMs);
    if (!isBehind && told >= instantMs) return true;
    const isInDoubt = isBehind || (this.#isToCount && this.#counted === null);
    const { afterMessage, afterOpening } = SILENCE_MS;
    const silenceMs = (this.#hasSpoken ? afterMessage : afterOpening) * (isInDoubt ? IN_DOUBT : 1);
    return this.#isOpen && nowMs - this.#heardAtMs >= silenceMs;
  }
}
