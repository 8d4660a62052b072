import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import type { WriterSession } from './writer-session.ts';

interface Slot {
  session: WriterSession | null;
  busy: boolean;
  /** Who used it last: a lane keeps to one session, whose staging tables fit it. */
  lane: number | null;
}

/** At most `size` sessions, opened when first needed; one on which something failed is closed, which rolls back. */
export class WriterPool {
  readonly #open: () => Promise<WriterSession>;
  readonly #slots: Slot[];
  readonly #waiting: ((slot: Slot) => void)[] = [];
  #closed = false;

  constructor(size: number, open: () => Promise<WriterSession>) {
    this.#open = open;
    this.#slots = Array.from({ length: Math.max(1, size) }, () => ({
      session: null,
      busy: false,
      lane: null,
    }));
  }

  async run<T>(lane: number | null, work: (session: WriterSession) => Promise<T>): Promise<T> {
    const slot = await this.#take(lane);
    try {
      if (this.#closed)
        throw new WeirError('UNREACHABLE', 'this writer is stopping; another one answers');
      slot.session ??= await this.#open();
      return await work(slot.session);
    } catch (error) {
      const broken = slot.session;
      slot.session = null;
      await broken?.close();
      throw error;
    } finally {
      this.#give(slot);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#slots.flatMap((slot) => slot.session?.close() ?? []));
  }

  #take(lane: number | null): Promise<Slot> | Slot {
    const free = this.#slots.filter((slot) => !slot.busy);
    const slot =
      free.find((each) => lane !== null && each.lane === lane && each.session !== null) ??
      free.find((each) => each.lane === null) ??
      free[0];
    if (slot === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    slot.busy = true;
    if (lane !== null) slot.lane = lane;
    return slot;
  }

  #give(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) slot.busy = false;
    else next(slot);
  }
}
