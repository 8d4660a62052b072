import { WeirError } from '../../../../shared/errors/weir-error.ts';

export interface ServerVersion {
  flavour: 'mariadb' | 'mysql';
  /** 80400 is 8.4.0, 101119 is 10.11.19. */
  number: number;
  /** As the server writes it. */
  text: string;
}

const OLDEST = {
  mariadb: { number: 100_500, name: 'MariaDB 10.5' },
  mysql: { number: 50_700, name: 'MySQL 5.7' },
} as const;

/** Of what `version()` gives; never of the URL, since people write either scheme for either. */
export function parseServerVersion(text: string): ServerVersion {
  // MariaDB once had to pass for MySQL 5.5 in the handshake, and some proxies repeat that.
  const match = /^(?:5\.5\.5-(?=\d+\.\d+\.\d+-MariaDB))?(\d+)\.(\d+)\.(\d+)/i.exec(text);
  if (match === null)
    throw new WeirError(
      'NOT_SUPPORTED',
      `The server calls its version "${text}", which is none of MySQL or MariaDB.`,
    );
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  return {
    flavour: /mariadb/i.test(text) ? 'mariadb' : 'mysql',
    number: major * 10_000 + minor * 100 + patch,
    text,
  };
}

/** Throws where the server is older than any that Weir knows. */
export function requireKnownVersion({ flavour, number, text }: ServerVersion): void {
  const oldest = OLDEST[flavour];
  if (number < oldest.number)
    throw new WeirError(
      'NOT_SUPPORTED',
      `The server is of version ${text}; the oldest that can be used is ${oldest.name}.`,
    );
}
