import { expect, it } from 'vitest';
import { FIRST_POSITION, LAST_POSITION, type Position } from '../../shared/change/position.ts';
import { Gate } from './gate.ts';

const ready = new Map([['a', LAST_POSITION]]);
const copying = new Map([['a', FIRST_POSITION]]);
const at = '00000000000000010000000000000001' as Position;

it('what was ready under one plan is not ready under the next, also where a look began before it', async () => {
  let finish: ((limits: Map<string, Position>) => void) | undefined;
  let looks = 0;
  const gate = new Gate({
    finishNamespaces: () => {
      looks++;
      return new Promise((resolve) => (finish = resolve));
    },
    readLimits: () => Promise.resolve(copying),
  });
  const abort = new AbortController();
  const running = gate.run(abort.signal);
  finish!(ready);
  await expect.poll(() => gate.isOpen(['a'], at)).toBe(true);

  gate.nudge();
  await expect.poll(() => looks).toBe(2);
  await gate.follow(7);
  expect(gate.isOpen(['a'], at)).toBe(false);
  finish!(ready);
  await expect.poll(() => looks).toBe(3);
  expect(gate.isOpen(['a'], at)).toBe(false);

  finish!(ready);
  await expect.poll(() => gate.isOpen(['a'], at)).toBe(true);
  abort.abort();
  await running;
});
