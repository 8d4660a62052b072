import { storeUrlProblem } from '../../../shared/config/url-scheme.ts';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { parseLogLevel } from '../../../shared/logging/log-level.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { serveConnector } from '../../connector-server/connector-server.ts';
import { ServedSource } from '../../connector-server/served-source.ts';
import { connectorFor, URL_SCHEMES } from '../../connectors/registry.ts';
import { stopSignal } from '../stop-signal.ts';
import { weirVersion } from '../weir-version.ts';

/** Those whose sessions leave nothing behind in a store, so that peers may come and go. */
const SERVED = ['random'];

/** Serves a connector to other programs until stopped. */
export async function runConnectorServe(
  url: string,
  { listen }: { listen: string },
): Promise<number> {
  const problem = storeUrlProblem(url, URL_SCHEMES);
  if (problem !== null) throw new WeirError('CONFIG_INVALID', `the URL ${problem}`);
  if (!/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i.test(listen))
    throw new WeirError('CONFIG_INVALID', '--listen must be HOST:PORT, e.g. 127.0.0.1:7001');
  const connector = await connectorFor(url);
  const { kind } = connector.getInfo();
  if (connector.createSource === undefined || !SERVED.includes(kind))
    throw new WeirError(
      'NOT_SUPPORTED',
      `a connector of the kind ${kind} cannot be served in this version; ${SERVED.join(' and ')} can`,
    );
  const level = parseLogLevel(process.env['WEIR_LOG_LEVEL'] ?? 'warn');
  const log = createLogger({ service: 'connector', pipeline: kind, level });
  const source = connector.createSource({ pipeline: 'served', url, log });
  const stop = stopSignal();
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
  try {
    const server = await serveConnector(new ServedSource(source, kind, weirVersion()), listen);
    console.log(`serving ${kind}: at grpc://${server.address}`);
    await stopped;
    await server.stop();
    return 0;
  } finally {
    stop.dispose();
  }
}
