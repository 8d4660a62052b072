import { randomBytes } from 'node:crypto';

export const EVENT_KINDS = [
  'state',
  'problem',
  'service',
  'action',
  'parked',
  'unmet',
  'verify',
] as const;

/** Something that happened to a pipeline, told once. */
export interface PipelineEvent {
  /** Unique, and growing within a life of control: `<life>-<number>`. */
  id: string;
  at: string;
  pipeline: string;
  kind: (typeof EVENT_KINDS)[number];
  level: 'info' | 'warning' | 'error';
  /** One sentence, without secrets and without values of rows. */
  text: string;
  /** Who asked, where somebody did. */
  by: string | null;
}

/** Where events outlive control. */
export interface KeptEvents {
  /** Oldest first. */
  read(): PipelineEvent[];
  append(event: PipelineEvent): void;
}

const KEPT = 2_000;

/** The latest events of all pipelines; of earlier lives of control too, where they are kept. */
export class EventLog {
  /** Tells the ids of this life from those of an earlier one. */
  readonly #life = randomBytes(4).toString('hex');
  readonly #listeners = new Set<(event: PipelineEvent) => void>();
  #events: PipelineEvent[] = [];
  #number = 0;
  readonly #kept: KeptEvents | null;

  constructor(kept: KeptEvents | null = null) {
    this.#kept = kept;
    this.#events = kept?.read() ?? [];
  }

  add(event: Omit<PipelineEvent, 'id' | 'at' | 'by'> & { by?: string | null }): void {
    const at = new Date().toISOString();
    const made = { by: null, ...event, id: `${this.#life}-${++this.#number}`, at };
    this.#events.push(made);
    this.#kept?.append(made);
    if (this.#events.length > KEPT) this.#events = this.#events.slice(-KEPT / 2);
    for (const listener of this.#listeners) listener(made);
  }

  /** The latest `limit`, oldest first; of all pipelines where none is named. */
  latest(pipeline: string | null, limit: number): PipelineEvent[] {
    const chosen = this.#events.filter((event) => pipeline === null || event.pipeline === pipeline);
    return chosen.slice(-limit);
  }

  /** Those behind `id`; all there are where the id is of another life or was forgotten. */
  since(id: string): PipelineEvent[] {
    const at = this.#events.findIndex((event) => event.id === id);
    return this.#events.slice(at + 1);
  }

  /** Returns how to stop. */
  listen(listener: (event: PipelineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
