import { WeirError } from '../errors/weir-error.ts';

export interface ListenAddress {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** For the message where it cannot be read. */
const METRICS = {
  what: 'serve metrics at (--metrics-listen, WEIR_METRICS_LISTEN)',
  example: '9464',
};

/** `9464` (loopback), `0.0.0.0:9464` or `[::]:9464`; null where nothing is to be served. */
export function parseListenAddress(
  text: string | undefined,
  { what, example } = METRICS,
): ListenAddress | null {
  if (text === undefined || text === '' || text === 'off') return null;
  const [, host, port] = /^(?:([^\s:[\]]+|\[[0-9a-fA-F:]+\]):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new WeirError(
      'CONFIG_INVALID',
      `"${text}" is no address to ${what}; write a port for this machine alone, such as ${example}, or host:port, such as 0.0.0.0:${example}`,
    );
  return { host: host?.replaceAll(/[[\]]/g, '') ?? '127.0.0.1', port: Number(port) };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** For several services on one machine: each has the next port, unless any free one will do. */
export function nextListenAddress(first: ListenAddress, steps: number): ListenAddress {
  return first.port === 0 ? first : { ...first, port: first.port + steps };
}
