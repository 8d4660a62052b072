import { randomBytes } from 'node:crypto';
import { redactUrls } from '../../shared/config/redact-url.ts';
import type { PipelineSpec } from '../../shared/config/pipeline-spec.ts';
import { isAbort, toWeirError, WeirError } from '../../shared/errors/weir-error.ts';
import { detach } from '../../shared/lifecycle/detach.ts';
import type { Verification } from './api/answers.ts';
import type { ComparisonFiles } from './comparison-files.ts';
import type { Host } from './host.ts';

const KEPT = 20;
const DIFFERENCES = 100;

/** Comparisons of both ends, one at a time for each pipeline; the latest results outlive control where there are files for them. */
export class Verifications {
  readonly #host: Host;
  readonly #runs: Map<string, Verification[]>;
  readonly #files: ComparisonFiles | null;
  readonly #cancels = new Map<string, AbortController>();

  private constructor(
    host: Host,
    files: ComparisonFiles | null,
    runs: Map<string, Verification[]>,
  ) {
    this.#host = host;
    this.#files = files;
    this.#runs = runs;
  }

  static async open(host: Host, files: ComparisonFiles | null): Promise<Verifications> {
    return new Verifications(
      host,
      files,
      (await files?.readAll()) ?? new Map<string, Verification[]>(),
    );
  }

  /** Latest first. */
  list(pipeline: string): readonly Verification[] {
    return this.#runs.get(pipeline) ?? [];
  }

  get(pipeline: string, id: string): Verification {
    const found = this.list(pipeline).find((run) => run.id === id);
    if (found !== undefined) return found;
    throw new WeirError('NOT_FOUND', `${pipeline} has no comparison ${id}; list those there are`);
  }

  /** Begins one and returns at once; `onEnd` is called when it is through. */
  start(
    spec: PipelineSpec,
    settleMs: number,
    by: string | null,
    onEnd: (run: Verification) => void,
  ): Verification {
    const runs = this.#runs.get(spec.name) ?? [];
    if (runs[0]?.state === 'running')
      throw new WeirError('STATE_CONFLICT', `${spec.name} is being compared already`);
    const run: Verification = {
      id: randomBytes(6).toString('hex'),
      state: 'running',
      startedAt: new Date().toISOString(),
      endedAt: null,
      by,
      problem: null,
      rows: 0,
      namespaces: [],
    };
    this.#runs.set(spec.name, [run, ...runs].slice(0, KEPT));
    const cancel = new AbortController();
    this.#cancels.set(run.id, cancel);
    const ended = this.#compare(spec, settleMs, run, cancel.signal).then(() => {
      this.#cancels.delete(run.id);
      run.endedAt = new Date().toISOString();
      onEnd(run);
      return this.#keep(spec.name);
    });
    detach(ended, (error) => {
      run.state = 'failed';
      run.problem = redactUrls(toWeirError(error).message);
    });
    return run;
  }

  cancel(pipeline: string, id: string): Verification {
    const run = this.get(pipeline, id);
    this.#cancels.get(run.id)?.abort();
    return run;
  }

  async forget(pipeline: string): Promise<void> {
    for (const { id } of this.list(pipeline)) this.#cancels.get(id)?.abort();
    this.#runs.delete(pipeline);
    await this.#files?.remove(pipeline);
  }

  /** One that runs when control ends is not among them: nobody knows what it would have found. */
  async #keep(pipeline: string): Promise<void> {
    const ended = this.list(pipeline).filter(({ state }) => state !== 'running');
    if (this.#runs.has(pipeline)) await this.#files?.write(pipeline, ended);
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel.abort();
  }

  async #compare(
    spec: PipelineSpec,
    settleMs: number,
    run: Verification,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const { equal } = await this.#host.verify(
        spec,
        (each) => {
          run.rows += each.rows;
          const differences = each.differences.slice(0, DIFFERENCES);
          const capped = each.capped || each.differences.length > DIFFERENCES;
          const unsettled = each.unsettled.slice(0, DIFFERENCES);
          run.namespaces.push({ ...each, differences, unsettled, capped });
        },
        { settleMs, signal },
      );
      run.state = equal ? 'equal' : 'different';
    } catch (error) {
      run.state = isAbort(error) || signal.aborted ? 'cancelled' : 'failed';
      if (run.state === 'failed') run.problem = redactUrls(toWeirError(error).message);
    }
  }
}
