import { WeirError } from '../errors/weir-error.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** The value of WEIR_LOG_LEVEL; `info` where it is not set. */
export function parseLogLevel(text: string | undefined): LogLevel {
  if (text === undefined || text === '') return 'info';
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new WeirError(
    'CONFIG_INVALID',
    `the environment variable WEIR_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`,
  );
}
