import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isStale, withLock } from './lock.mjs';

const NO_SUCH_PROCESS = 2 ** 22 + 1;
let parent: string;
let lock: string;
let said: string[];
const say = (line: string): void => void said.push(line);

beforeEach(async () => {
  parent = await mkdtemp(path.join(os.tmpdir(), 'weir-lock-'));
  lock = path.join(parent, 'setup.lock');
  said = [];
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

test('of many at once, one works at a time, and all of them get their turn', async () => {
  let working = 0;
  let done = 0;
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => (tell = resolve));
  const sayAndTell = (line: string): void => {
    say(line);
    tell();
  };
  const work = async (): Promise<void> => {
    working += 1;
    expect(working).toBe(1);
    // Who waits may be slower than the work: the first goes on when one of them has seen who has the lock.
    await told;
    await sleep(5);
    working -= 1;
    done += 1;
  };
  await Promise.all(Array.from({ length: 6 }, () => withLock(lock, sayAndTell, work)));
  expect(done).toBe(6);
  expect(said.some((line) => line.includes(`process ${process.pid}`))).toBe(true);
  expect(await readdir(parent)).toEqual([]);
});

test('the lock of a process that is gone is taken over, by one of those who wait', async () => {
  await mkdir(lock);
  const owner = { pid: NO_SUCH_PROCESS, host: os.hostname() };
  await writeFile(path.join(lock, 'left-over'), JSON.stringify(owner));
  let working = 0;
  await Promise.all(
    Array.from({ length: 4 }, () =>
      withLock(lock, say, async () => {
        working += 1;
        expect(working).toBe(1);
        await sleep(5);
        working -= 1;
      }),
    ),
  );
  expect(await readdir(parent)).toEqual([]);
});

test('a lock without an owner is taken over once it is old', async () => {
  await mkdir(lock);
  const old = new Date(Date.now() - 60_000);
  await utimes(lock, old, old);
  await expect(withLock(lock, say, async () => 'mine')).resolves.toBe('mine');
});

test('the lock is given back when the work fails', async () => {
  const failing = withLock(lock, say, async () => Promise.reject(new Error('no space')));
  await expect(failing).rejects.toThrow('no space');
  expect(await readdir(parent)).toEqual([]);
});

test.each([
  [
    'an owner that lives and beats',
    { pid: process.pid, host: os.hostname(), touchedMs: 1000 },
    2000,
    false,
  ],
  [
    'an owner that lives but beats no more',
    { pid: process.pid, host: os.hostname(), touchedMs: 0 },
    31_000,
    true,
  ],
  [
    'an owner that is gone',
    { pid: NO_SUCH_PROCESS, host: os.hostname(), touchedMs: 1000 },
    2000,
    true,
  ],
  [
    'an owner on another machine',
    { pid: NO_SUCH_PROCESS, host: 'elsewhere', touchedMs: 1000 },
    2000,
    false,
  ],
  ['an owner who has not written yet', { touchedMs: 1000 }, 2000, false],
])('%s', (_, owner, nowMs, stale) => {
  expect(isStale(owner, nowMs)).toBe(stale);
});
