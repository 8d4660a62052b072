import type { Hub } from '../../shared/hub/hub.ts';
import { type LogLevel, parseLogLevel } from '../../shared/logging/log-level.ts';
import { createLogger } from '../../shared/logging/logger.ts';
import type { ListenAddress } from '../../shared/metrics/listen-address.ts';
import { serveMetrics } from '../../shared/metrics/metrics-server.ts';
import { Monitoring } from '../../shared/metrics/monitoring.ts';
import { runStats } from '../stats/stats.ts';
import { weirVersion } from './weir-version.ts';

/**
 * The stats service inside of `weir run`: it holds nothing that a crash could lose and has little to do, so it needs no
 * process of its own there. Returns how to stop it.
 */
export async function watchPipeline(
  hub: Hub,
  pipeline: string,
  listen: ListenAddress | null,
  {
    level = parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'info'),
    onLog,
  }: { level?: LogLevel; onLog?: (line: string) => void } = {},
): Promise<() => Promise<void>> {
  const log = createLogger({
    service: 'stats',
    pipeline,
    level,
    ...(onLog === undefined ? {} : { stream: { write: (text) => onLog(text.trimEnd()) } }),
  });
  const monitoring = new Monitoring({ pipeline, service: 'stats', version: weirVersion() });
  const metrics = listen === null ? null : await serveMetrics(monitoring, listen);
  if (metrics !== null) log.info({ url: metrics.url }, 'metrics are served');
  const stop = new AbortController();
  const running = runStats({ pipeline, hub, log, monitoring, signal: stop.signal });
  return async () => {
    stop.abort();
    await running;
    await metrics?.stop();
  };
}
