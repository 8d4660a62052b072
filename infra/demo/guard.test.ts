import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Guard } from './guard.ts';

const forever = new Promise<never>(() => undefined);

it('waits for what it is given', async () => {
  expect(await new Guard(new AbortController().signal).wait(Promise.resolve(7))).toBe(7);
});

it('ends a wait when what is watched breaks, also if it broke before', async () => {
  const guard = new Guard(new AbortController().signal);
  guard.watch(sleep(5).then(() => Promise.reject(new Error('broke'))));
  await expect(guard.wait(forever)).rejects.toThrow('broke');
  await sleep(1);
  await expect(guard.wait(forever)).rejects.toThrow('broke');
});

it('ends a wait when the user interrupts', async () => {
  const stop = new AbortController();
  const guard = new Guard(stop.signal);
  stop.abort();
  await expect(guard.wait(forever)).rejects.toThrow(/aborted/);
});
