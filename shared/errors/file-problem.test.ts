import { expect, it } from 'vitest';
import { toWeirError } from './weir-error.ts';

const failure = (code: string, syscall: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: …, ${syscall}`), { code, errno: -1, syscall, ...more });

it.each([
  [failure('ENOSPC', 'write'), /a file cannot be written: the disk is full; make room on it/],
  [failure('EROFS', 'open', { path: '/s/x' }), /\/s\/x cannot be written: .* read-only/],
  [failure('EACCES', 'scandir', { path: '/s' }), /\/s cannot be read: access is denied/],
])('what a disk refuses is told with what to do, and tried again', (error, said) => {
  const { code, message, retryable } = toWeirError(error);
  expect([code, retryable]).toEqual(['FILE_REFUSED', true]);
  expect(message).toMatch(said);
});

it.each([
  failure('EACCES', 'spawn weir', { path: 'weir' }),
  failure('ENOENT', 'connect', { path: '/run/x.sock' }),
  failure('EPIPE', 'write'),
  new Error('ENOSPC'),
])('what is no failure of a file is none', (error) => {
  expect(toWeirError(error).code).toBe('INTERNAL');
});
