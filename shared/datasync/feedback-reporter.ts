import type { FailureRecord, FeedbackStore, Watermark } from './feedback-store.ts';
import { pause } from './waiting.ts';

export interface FeedbackReporterOptions {
  /** Undefined while nothing can be said. */
  watermark(): Watermark | undefined;
  onTrouble(error: unknown): void;
}

/** Between two reports, so that many answers cost one. */
const EVERY_MS = 50;
const RETRY_MS = 1_000;

/**
 * Tells publishers what a watch has answered. Failures are stored before the watermark that passes them, so whoever
 * sees the watermark sees them too.
 */
export class FeedbackReporter {
  readonly #store: FeedbackStore;
  readonly #consumer: string;
  readonly #options: FeedbackReporterOptions;
  #failures = new Map<string, FailureRecord | undefined>();
  #reported = '';
  #isDirty = false;
  #work: Promise<void> | undefined;
  #closing = new AbortController();

  constructor(store: FeedbackStore, consumer: string, options: FeedbackReporterOptions) {
    this.#store = store;
    this.#consumer = consumer;
    this.#options = options;
  }

  changed(): void {
    this.#isDirty = true;
    if (!this.#closing.signal.aborted) this.#work ??= this.#run();
  }

  /** Undefined: it has been applied since. */
  fail(key: string, failure: FailureRecord | undefined): void {
    this.#failures.set(key, failure);
    this.changed();
  }

  /** Tells what is left to tell, once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    while (this.#isDirty) {
      try {
        await this.#tell();
        if (this.#isDirty) await pause(EVERY_MS, this.#closing.signal);
      } catch (error) {
        this.#options.onTrouble(error);
        this.#isDirty = true;
        if (this.#closing.signal.aborted) break;
        await pause(RETRY_MS, this.#closing.signal);
      }
    }
    this.#work = undefined;
  }

  async #tell(): Promise<void> {
    this.#isDirty = false;
    const watermark = this.#options.watermark();
    const failures = this.#failures;
    this.#failures = new Map();
    try {
      for (const [key, failure] of failures) {
        await this.#store.fail(this.#consumer, key, failure);
        failures.delete(key);
      }
    } catch (error) {
      // What came meanwhile is newer.
      for (const [key, failure] of this.#failures) failures.set(key, failure);
      this.#failures = failures;
      throw error;
    }
    if (watermark === undefined) return;
    const { incarnation, revision, except, prefixes } = watermark;
    const text = JSON.stringify([incarnation, String(revision), except, prefixes]);
    if (text === this.#reported) return;
    await this.#store.report(this.#consumer, watermark);
    this.#reported = text;
  }
}
