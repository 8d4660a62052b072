import type { UnconvertedDocument } from './unconverted-document.ts';

const MOST_BYTES = 4 << 20;

/** Where documents of a chunk go that cannot become rows. At first one ends the load; loaded carefully, they are taken. */
export class UnconvertedDocuments {
  #take: ((misfits: readonly UnconvertedDocument[]) => Promise<void>) | null = null;
  #waiting: UnconvertedDocument[] = [];
  #bytes = 0;
  #count = 0;

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  takenBy(take: (misfits: readonly UnconvertedDocument[]) => Promise<void>): void {
    this.#take = take;
  }

  async add(misfit: UnconvertedDocument): Promise<void> {
    if (this.#take === null) throw misfit.error;
    this.#count++;
    this.#waiting.push(misfit);
    this.#bytes += misfit.bytes.length;
    if (this.#bytes >= MOST_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const misfits = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    if (misfits.length > 0) await this.#take?.(misfits);
  }
}
