/** What charts are drawn from, at one moment; null where it is not known. */
export interface Sample {
  atMs: number;
  appliedPerSecond: number | null;
  copiedRowsPerSecond: number | null;
  lagMs: number | null;
  inFlight: number | null;
  brokerBytes: number | null;
}

export const STEPS_MS = { recent: 2_000, day: 60_000 } as const;

const KEPT = { recent: 900, day: 1_440 } as const;

/** The last half hour every two seconds, and the last day every minute; forgotten when control ends: what
 * is to be looked at for longer is for Prometheus. */
export class History {
  readonly #samples: Record<keyof typeof STEPS_MS, Sample[]> = { recent: [], day: [] };

  add(sample: Sample): void {
    for (const span of ['recent', 'day'] as const) {
      const samples = this.#samples[span];
      const last = samples.at(-1);
      if (last !== undefined && sample.atMs - last.atMs < STEPS_MS[span]) continue;
      samples.push(sample);
      if (samples.length > KEPT[span]) samples.shift();
    }
  }

  read(span: keyof typeof STEPS_MS): readonly Sample[] {
    return this.#samples[span];
  }
}
