import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { createWorkerId, isGone } from './worker-id.ts';

it('a holder is gone only if its process on this machine is', () => {
  const self = createWorkerId();
  const [host] = self.split('=');
  const { pid } = spawnSync(process.execPath, ['--version']);
  expect(isGone(`${host}=${pid}=aa`, self)).toBe(true);
  expect(isGone(`${host}=${process.ppid}=aa`, self)).toBe(false);
  expect(isGone(`elsewhere=${pid}=aa`, self)).toBe(false);
  expect(isGone(self, self)).toBe(false);
  expect(isGone(`${host}=${process.pid}=aa`, self)).toBe(true);
  expect(isGone('odd', self)).toBe(false);
});
