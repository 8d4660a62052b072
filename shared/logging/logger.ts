import { createRequire } from 'node:module';
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import type * as Pretty from 'pino-pretty';
import { redactUrls } from '../config/redact-url.ts';
import type { LogLevel } from './log-level.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  service: string;
  pipeline?: string;
  level: LogLevel;
  /** Where lines go; standard error by default. */
  stream?: DestinationStream;
}

/**
 * A service's logger: JSON lines on standard error, readable ones on a terminal. Whatever looks like a URL with
 * credentials is taken out of the finished line, so that no field and no foreign message can carry one out.
 */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? standardError();
  return pino(
    {
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      base: {
        service: options.service,
        ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
      },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => stream.write(redactUrls(line)) },
  );
}

/** Written synchronously: the last line before an exit is the one that matters. */
function standardError(): DestinationStream {
  if (process.stderr.isTTY) {
    // Services write to a pipe nearly always, and need not wait for it to load.
    const { PinoPretty } = createRequire(import.meta.url)('pino-pretty') as typeof Pretty;
    return PinoPretty({
      destination: 2,
      sync: true,
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss.l',
    });
  }
  return destination({ dest: 2, sync: true });
}
