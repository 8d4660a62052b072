import { readFileSync } from 'node:fs';
import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** As MySQL's clients define them (manual, `--ssl-mode`). */
export const SSL_MODES = [
  'DISABLED',
  'PREFERRED',
  'REQUIRED',
  'VERIFY_CA',
  'VERIFY_IDENTITY',
] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Paths; without a root those count that Node trusts. */
export interface SslFiles {
  sslCa?: string | undefined;
  sslCert?: string | undefined;
  sslKey?: string | undefined;
}

export interface TlsOptions {
  rejectUnauthorized: boolean;
  verifyIdentity: boolean;
  ca?: string;
  cert?: string;
  key?: string;
  minVersion: 'TLSv1.2';
}

/** How to connect, the first way first: `null` is without encryption. */
export function encryptions(mode: SslMode, files: SslFiles): (TlsOptions | null)[] {
  switch (mode) {
    case 'DISABLED':
      return [null];
    case 'PREFERRED':
      return [toTls(mode, files), null];
    default:
      return [toTls(mode, files)];
  }
}

function toTls(mode: SslMode, { sslCa, sslCert, sslKey }: SslFiles): TlsOptions {
  return {
    rejectUnauthorized: mode.startsWith('VERIFY'),
    verifyIdentity: mode === 'VERIFY_IDENTITY',
    minVersion: 'TLSv1.2',
    ...(sslCa === undefined ? {} : { ca: readPem('ssl-ca', sslCa) }),
    ...(sslCert === undefined ? {} : { cert: readPem('ssl-cert', sslCert) }),
    ...(sslKey === undefined ? {} : { key: readPem('ssl-key', sslKey) }),
  };
}

function readPem(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new WeirError(
      'CONFIG_INVALID',
      `The file ${file}, which ${parameter} of the MySQL URL names, cannot be read (${reason}); correct the path or the rights of the file.`,
    );
  }
}

/** The driver's code where the server has no TLS. */
export function isWithoutSsl(error: unknown): boolean {
  return codeOf(error) === 'HANDSHAKE_NO_SSL_SUPPORT';
}

/** What is wrong with the encryption and what to do; null where that is not what failed. */
export function sslProblem(error: unknown, mode: SslMode): string | null {
  const said = error instanceof Error ? error.message.replace(/\.$/, '') : '';
  if (isWithoutSsl(error))
    return `the server does not offer TLS, and ssl-mode=${mode} asks for it; leave ssl-mode out of the URL, or let the server have a certificate`;
  if (codeOf(error) !== 'HANDSHAKE_SSL_ERROR') return null;
  if (/altnames|does not match certificate/i.test(said))
    return `the certificate of the server is for another name (${said}); name the host as the certificate does, or write ssl-mode=VERIFY_CA`;
  if (/certificate|self.signed|issuer/i.test(said))
    return `the certificate of the server is not trusted (${said}); name the certificate of its authority with ssl-ca=FILE in the URL, or write ssl-mode=REQUIRED to encrypt without looking at it`;
  return `TLS could not be agreed on (${said})`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
