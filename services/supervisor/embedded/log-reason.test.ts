import { expect, test } from 'vitest';
import { reasonIn } from './log-reason.ts';

test('the last fatal line of a log is the reason, whatever follows it', () => {
  const log = '[1] [INF] Starting\n[1] [ERR] odd\n[1] [FTL] Error listening on port\nbye';
  expect(reasonIn(log)).toBe('[1] [FTL] Error listening on port');
});

test('without a fatal line the last error is the reason, then the last line', () => {
  expect(reasonIn('fine\ninitdb: error: no space\nremoving data')).toBe('initdb: error: no space');
  expect(reasonIn('one\ntwo\n')).toBe('two');
  expect(reasonIn('')).toBe('it printed nothing');
});
