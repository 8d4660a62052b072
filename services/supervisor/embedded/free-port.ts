import { createServer } from 'node:net';
import { WeirError } from '../../../shared/errors/weir-error.ts';

// Below the range from which systems take the local ports of outgoing connections: a server that restarts must find
// its port again, and no connection of somebody else may have taken it meanwhile.
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 100;

/** A loopback port on which nobody listens at this moment; starting a server on it may still fail, so try again then. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    `no free port found between ${FIRST} and ${LAST} on 127.0.0.1; end what occupies them.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
