import path from 'node:path';
import { WeirError } from '../../../shared/errors/weir-error.ts';
import { projectRoot } from './project-root.ts';
import { findOnPath, isExecutable } from './search-path.ts';

/** Where `npm start` unpacks the system's package of NATS when the machine has none. */
export function natsServerCache(): string {
  return path.join(projectRoot(), '.weir', 'nats-server');
}

/** The nats-server of this machine, else the one that the set-up has fetched; undefined when there is none. */
export function findNatsServer(): string | undefined {
  const named = process.env['WEIR_NATS_SERVER'];
  if (named === undefined || named === '') {
    const fetched = path.join(natsServerCache(), 'usr', 'sbin', 'nats-server');
    const installed =
      process.env['WEIR_IGNORE_SYSTEM_NATS'] === '1' ? undefined : findOnPath('nats-server');
    return installed ?? (isExecutable(fetched) ? fetched : undefined);
  }
  if (isExecutable(named)) return named;
  const message = `WEIR_NATS_SERVER is ${named}, which is not a program that can be run; name the nats-server binary.`;
  throw new WeirError('ENVIRONMENT_MISSING', message);
}

/** As `findNatsServer`, saying what to install when there is none. */
export function requireNatsServer(): string {
  const binary = findNatsServer();
  if (binary !== undefined) return binary;
  throw new WeirError(
    'ENVIRONMENT_MISSING',
    'no nats-server found on this machine; install the package "nats-server", or name the binary in WEIR_NATS_SERVER, or a running server in WEIR_NATS_URL, or run "npm start" once, which fetches one where it can.',
  );
}
