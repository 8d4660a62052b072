import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** Paths of PEM files. */
export interface Certificate {
  cert: string;
  key: string;
}

/** An authority of its own, and certificates of it for this machine; removed after the test. */
export async function createAuthority(): Promise<{
  ca: string;
  issue(name: string): Promise<Certificate>;
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const make = async (name: string, more: string[]): Promise<Certificate> => {
    const [cert, key] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', key, '-out', cert, ...more],
    ]);
    return { cert, key };
  };
  const authority = await make('authority', []);
  return {
    ca: authority.cert,
    issue: (name) =>
      make(name, [
        ...['-CA', authority.cert, '-CAkey', authority.key],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
        ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ]),
  };
}
