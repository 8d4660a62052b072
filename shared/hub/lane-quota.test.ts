import { describe, expect, it } from 'vitest';
import { decideLanes } from './lane-quota.ts';

/** Lets writers decide in turn until nothing moves; returns who holds what and how many moves it took. */
function settle(lanes: number, members: string[], start = new Map<number, string>()) {
  const holders = new Map(start);
  let moves = 0;
  for (let round = 0; round < 100; round++) {
    let moved = false;
    for (const self of members) {
      const decision = decideLanes({ lanes, members: new Set(members), holders, self });
      for (const lane of decision.release) holders.delete(lane);
      for (const lane of decision.acquire) {
        holders.set(lane, self);
        moves++;
      }
      moved ||= decision.release.length + decision.acquire.length > 0;
    }
    if (!moved) break;
  }
  const held = members.map((m) => [...holders.values()].filter((h) => h === m).length);
  return { holders, held, moves };
}

describe('sharing lanes', () => {
  it.each([
    [8, 1],
    [8, 2],
    [8, 3],
    [8, 5],
    [8, 8],
    [8, 11],
    [64, 7],
  ])('gives %i lanes to %i writers evenly, and every lane has an owner', (lanes, writers) => {
    const { held, holders } = settle(
      lanes,
      Array.from({ length: writers }, (_, i) => `w${i}`),
    );
    expect(holders.size).toBe(lanes);
    expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
  });

  it('moves only what must move when a writer joins', () => {
    const before = settle(8, ['a']);
    const after = settle(8, ['a', 'b'], before.holders);
    expect(after.held).toEqual([4, 4]);
    expect(after.moves).toBe(4);
  });

  it('moves nothing but the lanes of a writer that left', () => {
    const before = settle(9, ['a', 'b', 'c']);
    const left = new Map([...before.holders].filter(([, holder]) => holder !== 'c'));
    const after = settle(9, ['a', 'b'], left);
    expect(after.moves).toBe(3);
    for (const [lane, holder] of left) expect(after.holders.get(lane)).toBe(holder);
  });
});
