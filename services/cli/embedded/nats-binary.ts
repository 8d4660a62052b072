import { WeirError } from '../../../shared/errors/weir-error.ts';
import { findOnPath, isExecutable } from './search-path.ts';

/** The nats-server of this machine; undefined when there is none. */
export function findNatsServer(): string | undefined {
  const named = process.env['WEIR_NATS_SERVER'];
  if (named === undefined || named === '') return findOnPath('nats-server');
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
    'no nats-server found on this machine; install the package "nats-server", or name the binary in WEIR_NATS_SERVER, or a running server in WEIR_NATS_URL.',
  );
}
