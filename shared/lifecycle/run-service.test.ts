import { expect, it, vi } from 'vitest';
import { WeirError } from '../errors/weir-error.ts';
import { createLogger } from '../logging/logger.ts';
import { runService } from './run-service.ts';

it('logs the code of what it gives up for, and leaves the sentence to whoever catches it', async () => {
  const lines: string[] = [];
  const log = createLogger({
    service: 'test',
    level: 'info',
    stream: { write: (line) => void lines.push(line) },
  });
  const onProblem = vi.fn();
  const failure = new WeirError('SCHEMA_CHANGED', 'the structure changed');
  const service = runService({
    log,
    signal: new AbortController().signal,
    body: () => Promise.reject(failure),
    onProblem,
  });
  await expect(service).rejects.toBe(failure);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 'error', code: 'SCHEMA_CHANGED', msg: 'service gave up' },
  ]);
  expect(lines.join('')).not.toContain('the structure changed');
  expect(onProblem).toHaveBeenCalledExactlyOnceWith('the structure changed', 'SCHEMA_CHANGED');
});
