import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WeirError } from '../errors/weir-error.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import type { Monitoring } from './monitoring.ts';

export interface MetricsServer {
  /** `http://host:port`, with the port that was found where any would do. */
  url: string;
  stop(): Promise<void>;
}

/**
 * Serves `/metrics` for Prometheus, `/healthz` (the event loop turns) and `/readyz` (the service does its work; 503 with
 * the reason where it does not), and lists of more targets where it knows some. Reads nothing from a request but its path
 * and the host it is for.
 */
export async function serveMetrics(
  monitoring: Monitoring,
  listen: ListenAddress,
  targets?: (askedHost: string | undefined) => unknown,
): Promise<MetricsServer> {
  monitoring.collectProcess();
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'only GET\n');
    else if (path === '/healthz') send(response, 200, 'ok\n');
    else if (path === '/readyz') {
      const reason = monitoring.notReady();
      send(response, reason === null ? 200 : 503, `${reason ?? 'ready'}\n`);
    } else if (path === '/metrics')
      monitoring.scrape().then(
        ({ contentType, text }) => send(response, 200, text, contentType),
        () => send(response, 500, 'the metrics cannot be read; see the log\n'),
      );
    else if (path === '/targets' && targets !== undefined)
      send(response, 200, JSON.stringify(targets(request.headers.host)), 'application/json');
    else send(response, 404, 'there are /metrics, /healthz and /readyz\n');
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, listen)));
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${formatListenAddress({ host: listen.host, port })}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType }).end(text);
}

function cannotListen(error: NodeJS.ErrnoException, listen: ListenAddress): WeirError {
  const at = formatListenAddress(listen);
  const reason = error.code === 'EADDRINUSE' ? 'another process has it' : error.message;
  return new WeirError(
    'CONFIG_INVALID',
    `metrics cannot be served at ${at} (${reason}); name another address with --metrics-listen or WEIR_METRICS_LISTEN, or port 0 for any free one`,
    { cause: error },
  );
}
