import { featuresOf, type HuntCase } from './hunt-case.ts';
import type { Verdict } from './judge/verdict.ts';

/** How many cases had it. */
const COUNTED = ['order transaction', 'mode snapshot', 'mode changes', 'map', 'transforms', 'two phases', 'network', 'structure change', 'edit']; // prettier-ignore

/** What a hunt came to. */
export class Summary {
  equal = 0;
  readonly #refused = new Map<string, number>();
  readonly #failed: { seed: number; why: string; folder: string }[] = [];
  readonly #startedAtMs = Date.now();
  readonly #of = new Map<string, number>();
  #taken = 0;
  #refusals = 0;

  add(found: HuntCase, verdict: Verdict, statements: { taken: number; refused: number }): void {
    const { seed } = found;
    const features = featuresOf(found);
    for (const one of COUNTED)
      if (features.has(one)) this.#of.set(one, (this.#of.get(one) ?? 0) + 1);
    this.#taken += statements.taken;
    this.#refusals += statements.refused;
    if (verdict.is === 'equal') this.equal++;
    else if (verdict.is === 'refused')
      this.#refused.set(verdict.code, (this.#refused.get(verdict.code) ?? 0) + 1);
    else this.#failed.push({ seed, why: verdict.why, folder: '' });
  }

  /** Where the last failure was written down. */
  writtenTo(folder: string): void {
    const last = this.#failed.at(-1);
    if (last !== undefined) last.folder = folder;
  }

  get failed(): number {
    return this.#failed.length;
  }

  get databases(): number {
    const refused = [...this.#refused.values()].reduce((sum, n) => sum + n, 0);
    return this.equal + refused + this.failed;
  }

  toString(): string {
    const refused = [...this.#refused].sort().map(([code, n]) => `${n} ${code}`);
    const minutes = ((Date.now() - this.#startedAtMs) / 60_000).toFixed(1);
    return [
      `hunt: ${this.databases} databases in ${minutes} minutes: ${this.equal} equal, refused: ${refused.join(', ') || 'none'}, ${this.failed} failed`,
      `hunt: among them ${COUNTED.map((one) => `${one} ${this.#of.get(one) ?? 0}`).join(', ')}`,
      `hunt: ${this.#taken} statements, and ${this.#refusals} that the databases refused`,
      ...this.#failed.map(
        ({ seed, why, folder }) => `hunt: failed: seed ${seed}: ${why} ${folder}`,
      ),
    ].join('\n');
  }
}
