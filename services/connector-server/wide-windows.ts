import type { ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/** What a peer may send before it hears that there is room: a request with documents, without waiting on its way. */
export const WINDOW_BYTES = 4 << 20;

type Http2Server = NodeJS.EventEmitter;

/**
 * The library has a setting for this in its client only, and its server leaves it at the 64 KiB of HTTP/2, for all calls of a
 * connection together: a peer that writes much then waits for an answer after each of these. To be called when bound.
 */
export function widenWindows(server: Server): void {
  const { http2Servers } = server as unknown as {
    http2Servers?: ReadonlyMap<Http2Server, unknown>;
  };
  for (const each of http2Servers?.keys() ?? [])
    each.on('session', (session: ServerHttp2Session) => {
      session.settings({ initialWindowSize: WINDOW_BYTES });
      session.setLocalWindowSize(WINDOW_BYTES);
    });
}
