/** What this transformer has done; counted per frame. */
export class TransformMeter {
  frames = 0;
  rows = 0;
  filtered = 0;
  /** Time spent in the steps. */
  workedMs = 0;
  readonly #onFailure: (code: string) => void;

  constructor(onFailure: (code: string) => void) {
    this.#onFailure = onFailure;
  }

  transformed(rows: number, filtered: number, tookMs: number): void {
    this.frames++;
    this.rows += rows;
    this.filtered += filtered;
    this.workedMs += tookMs;
  }

  /** A lane failed and is taken anew. */
  failed(code: string): void {
    this.#onFailure(code);
  }
}
