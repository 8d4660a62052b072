import { expect, it } from 'vitest';
import { parseLogLevel } from './log-level.ts';
import { createLogger } from './logger.ts';

function linesOf(use: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  use(createLogger({ service: 'test', pipeline: 'shop', level: 'info', stream }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

it('a line says which service and pipeline it is of', () => {
  const [line] = linesOf((log) => log.child({ lane: 3 }).info({ rows: 5 }, 'chunk loaded'));
  expect(line).toMatchObject({
    level: 'info',
    service: 'test',
    pipeline: 'shop',
    lane: 3,
    rows: 5,
    msg: 'chunk loaded',
  });
});

it('no line carries the credentials of a URL, wherever they stand', () => {
  const url = 'postgres://app:hunter2@db/shop';
  const lines = linesOf((log) => {
    log.warn({ url, deep: { list: [url] } }, `no answer from ${url}`);
    log.error({ err: new Error(`refused: ${url}`) }, 'failed');
  });
  expect(lines).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(lines[0]?.['url']).toBe('postgres://[redacted]@db/shop');
});

it('a level is one of those there are', () => {
  expect(parseLogLevel(undefined)).toBe('info');
  expect(parseLogLevel('debug')).toBe('debug');
  expect(() => parseLogLevel('loud')).toThrow(/WEIR_LOG_LEVEL must be one of debug, info/);
});
