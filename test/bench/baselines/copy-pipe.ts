import { spawn } from 'node:child_process';
import type { Measurement } from '../bench.ts';
import { EVENTS } from '../events-table.ts';
import { ResourceMeter, type MeteredServers } from '../measure/resource-meter.ts';
import { PSQL_OPTIONS, requirePsql } from '../psql.ts';
import { awaitSuccess } from '../child-success.ts';

// A shell, because what Node calls a pipe is a pair of sockets.
const SCRIPT = `"$1" ${PSQL_OPTIONS.join(' ')} --command "$2" "$3" | "$1" ${PSQL_OPTIONS.join(' ')} --command "$4" "$5"`;

/** Copies the table into the existing, empty one at the target, whose key is maintained: the fastest that needs no dump. */
export async function copyByPipe(
  sourceUrl: string,
  targetUrl: string,
  servers: MeteredServers,
  signal: AbortSignal,
): Promise<Measurement> {
  const startedAt = performance.now();
  const child = spawn(
    'sh',
    [
      ...['-c', SCRIPT, 'copy-pipe', requirePsql()],
      ...[`COPY ${EVENTS} TO STDOUT (FORMAT binary)`, sourceUrl],
      ...[`COPY ${EVENTS} FROM STDIN (FORMAT binary)`, targetUrl],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], signal },
  );
  const meter = new ResourceMeter(servers, child.pid, () => 'psql');
  try {
    await awaitSuccess(child, 'the COPY pipe');
    const whole = performance.now() - startedAt;
    return { spans: { whole }, usage: meter.stop() };
  } finally {
    meter.stop();
  }
}
