import type { Logger } from 'pino';
import { runService } from '../lifecycle/run-service.ts';
import { createWorkerId, shortWorkerId } from './worker-id.ts';
import type { LaneOwner } from './lane-owner.ts';

export interface LaneLifeOptions {
  log: Logger;
  signal: AbortSignal;
  /** Told of each failure of the whole. */
  onFailure: (code: string) => void;
  /** Runs until aborted; calls `began` with the lanes that it has opened. */
  body: (signal: AbortSignal) => Promise<void>;
}

/** The life of a process that shares lanes with others of its kind, and what it says of itself. */
export class LaneLife {
  readonly holder = createWorkerId();
  readonly #pipeline: string;
  #owner: LaneOwner | null = null;
  #problem: string | null = null;
  #phase: 'starting' | 'running' | 'failed' = 'starting';

  constructor(pipeline: string) {
    this.#pipeline = pipeline;
  }

  get id(): string {
    return shortWorkerId(this.holder);
  }

  /** What the status of every such service has. */
  status() {
    return {
      pipeline: this.#pipeline,
      id: this.id,
      pid: process.pid,
      atMs: Date.now(),
      problem: this.#problem ?? this.#owner?.problem ?? null,
      phase: this.#phase,
      lanes: this.#owner?.lanes ?? [],
    };
  }

  waits(): void {
    this.#phase = 'starting';
    this.#owner = null;
  }

  began(owner: LaneOwner): void {
    this.#owner = owner;
    this.#problem = null;
    this.#phase = 'running';
  }

  async run({ log, signal, onFailure, body }: LaneLifeOptions): Promise<void> {
    try {
      await runService({
        log,
        signal,
        onProblem: (text, code) => {
          this.#problem = text;
          onFailure(code);
        },
        body: (inner) => {
          this.#phase = 'starting';
          return body(inner);
        },
      });
    } catch (error) {
      this.#phase = 'failed';
      throw error;
    }
  }
}
