import { expect, it } from 'vitest';
import { toPosition } from '../../shared/change/position.ts';
import { ReleaseTracker } from './release-tracker.ts';

it('releases only what every lane has in the target, and never goes back', () => {
  const at = (n: number) => toPosition(BigInt(n), 0n);
  const released: string[] = [];
  const tracker = new ReleaseTracker([at(1), at(1)], (position) => released.push(position));
  tracker.advance(0, at(9));
  expect(released).toEqual([]);
  tracker.advance(1, at(5));
  tracker.advance(1, at(3));
  tracker.advance(1, at(20));
  expect(released).toEqual([at(5), at(9)]);
});
