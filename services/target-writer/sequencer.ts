import type { Frame } from '../../shared/change/frame.ts';
import type { LaneProgress } from '../../shared/connector/sink.ts';
import { WeirError } from '../../shared/errors/weir-error.ts';

/**
 * Enforces the order of a lane: each frame of a reader follows the one before it, and a new reader begins at 1.
 * What the target has already is skipped. A gap means that the broker lost something: nothing behind it may be
 * applied.
 */
export class Sequencer {
  #readerEpoch: number;
  #sequence: number;

  constructor(progress: Pick<LaneProgress, 'readerEpoch' | 'sequence'>) {
    this.#readerEpoch = progress.readerEpoch;
    this.#sequence = progress.sequence;
  }

  accept(frame: Pick<Frame, 'readerEpoch' | 'sequence' | 'lane'>): 'apply' | 'skip' {
    if (frame.readerEpoch < this.#readerEpoch) return 'skip';
    const expected = frame.readerEpoch === this.#readerEpoch ? this.#sequence + 1 : 1;
    if (frame.readerEpoch === this.#readerEpoch && frame.sequence < expected) return 'skip';
    if (frame.sequence !== expected)
      throw new WeirError(
        'BROKER_LOST_DATA',
        `lane ${frame.lane} misses frames: ${expected} was expected and ${frame.sequence} came`,
        { details: { readerEpoch: frame.readerEpoch } },
      );
    this.#readerEpoch = frame.readerEpoch;
    this.#sequence = frame.sequence;
    return 'apply';
  }
}
