import { describe, expect, it } from 'vitest';
import { Sequencer } from './sequencer.ts';

const frame = (readerEpoch: number, sequence: number) => ({ readerEpoch, sequence, lane: 0 });

describe('the sequencer', () => {
  it('lets frames pass in order and skips those that were applied before', () => {
    const sequencer = new Sequencer({ readerEpoch: 3, sequence: 5 });
    expect(sequencer.accept(frame(3, 5))).toBe('skip');
    expect(sequencer.accept(frame(3, 6))).toBe('apply');
    expect(sequencer.accept(frame(3, 6))).toBe('skip');
    expect(sequencer.accept(frame(3, 7))).toBe('apply');
  });

  it('applies nothing behind a gap', () => {
    const sequencer = new Sequencer({ readerEpoch: 3, sequence: 5 });
    expect(() => sequencer.accept(frame(3, 7))).toThrow(/6 was expected and 7 came/);
  });

  it('skips whatever an earlier reader still sends', () => {
    const sequencer = new Sequencer({ readerEpoch: 3, sequence: 5 });
    expect(sequencer.accept(frame(2, 900))).toBe('skip');
  });

  it('begins anew with a later reader, which must begin at 1', () => {
    const sequencer = new Sequencer({ readerEpoch: 3, sequence: 5 });
    expect(sequencer.accept(frame(4, 1))).toBe('apply');
    expect(sequencer.accept(frame(3, 6))).toBe('skip');
    expect(() => sequencer.accept(frame(5, 2))).toThrow(/misses frames/);
  });
});
