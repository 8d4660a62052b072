import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { WeirError } from '../../../../shared/errors/weir-error.ts';

/** As libpq defines them (manual, 34.19): what is asked of the connection, and how much of it is checked. */
export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Where certificates are; `system` as root stands for those that Node trusts. */
export interface SslFiles {
  sslrootcert?: string | undefined;
  sslcert?: string | undefined;
  sslkey?: string | undefined;
  sslpassword?: string | undefined;
}

export type Encryption = ConnectionOptions | false;

/** How to connect, the first way first; another one is for where `isOtherWay` says so. */
export function encryptions(mode: SslMode, files: SslFiles): Encryption[] {
  switch (mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, toTls(mode, files)];
    case 'prefer':
      return [toTls(mode, files), false];
    default:
      return [toTls(mode, files)];
  }
}

function toTls(mode: SslMode, files: SslFiles): ConnectionOptions {
  const { sslrootcert: root, sslcert, sslkey, sslpassword } = files;
  // As libpq does: who names a root wants it looked at.
  const isVerified = mode.startsWith('verify') || (mode === 'require' && root !== undefined);
  return {
    rejectUnauthorized: isVerified,
    ...(mode === 'verify-full' || root === 'system'
      ? {}
      : { checkServerIdentity: (): undefined => undefined }),
    ...(root === undefined || root === 'system' ? {} : { ca: readPem('sslrootcert', root) }),
    ...(sslcert === undefined ? {} : { cert: readPem('sslcert', sslcert) }),
    ...(sslkey === undefined ? {} : { key: readPem('sslkey', sslkey) }),
    ...(sslpassword === undefined ? {} : { passphrase: sslpassword }),
  };
}

function readPem(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new WeirError(
      'CONFIG_INVALID',
      `The file ${file}, which ${parameter} of the PostgreSQL URL names, cannot be read (${reason}); correct the path or the rights of the file.`,
    );
  }
}

/** Whether the failure is about encryption, so that `prefer` and `allow` try the other way. */
export function isOtherWay(error: unknown): boolean {
  // 28000: no line of pg_hba.conf lets this kind of connection in.
  return sslFailure(error) !== null || codeOf(error) === '28000';
}

export function isWithoutSsl(error: unknown): boolean {
  return sslFailure(error) === 'none';
}

/** What is wrong with the encryption and what to do; null where that is not what failed. */
export function sslProblem(error: unknown, mode: SslMode): string | null {
  const failure = sslFailure(error);
  if (failure === 'none')
    return `the server does not offer SSL, and sslmode=${mode} asks for it; leave sslmode out of the URL, or let the server have it (ssl = on)`;
  if (failure === 'untrusted')
    return `the certificate of the server is not trusted (${messageOf(error)}); name the certificate of its authority with sslrootcert=FILE in the URL, or write sslmode=require to encrypt without looking at it`;
  if (failure === 'name')
    return `the certificate of the server is for another name (${messageOf(error)}); name the host as the certificate does, or write sslmode=verify-ca`;
  if (failure === 'handshake') return `SSL could not be agreed on (${messageOf(error)})`;
  return null;
}

type SslFailure = 'none' | 'untrusted' | 'name' | 'handshake';

function sslFailure(error: unknown): SslFailure | null {
  const code = codeOf(error);
  // The driver has no code for these two.
  if (/does not support SSL/.test(messageOf(error))) return 'none';
  if (/error establishing an SSL connection/.test(messageOf(error))) return 'handshake';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'name';
  // Names of OpenSSL's verification errors (X509_V_ERR_…), as Node gives them.
  if (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|CRL_|PATH_LENGTH_|INVALID_PURPOSE)/.test(
      code,
    )
  )
    return 'untrusted';
  return /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO)/.test(code) ? 'handshake' : null;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s+/g, ' ').replace(/\.$/, '') : '';
}
