import { appendFile, chmod, chown, copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { connect, disconnect } from '../../services/connectors/postgres/connection/connection.ts';
import { createAuthority } from '../support/certificates.ts';
import { SourcePipeline } from '../support/source-pipeline.ts';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import { useWeir } from '../support/weir-process.ts';
import { createPipeline } from '../support/shop-pipeline.ts';

const plain = usePostgres();
const encrypted = usePostgres();
const weir = useWeir();

async function isEncrypted(url: string): Promise<boolean> {
  const client = await connect(url, { applicationName: 'test' });
  try {
    const { rows } = await client.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    return rows[0]!.ssl;
  } finally {
    await disconnect(client);
  }
}

describe('encryption, as sslmode asks for it', () => {
  it('is refused in one sentence where the server has none', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      await expect(isEncrypted(`${plain.url}?sslmode=${mode}`)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/does not offer SSL.*leave sslmode out/) as string,
      });
    for (const mode of ['disable', 'allow', 'prefer'])
      expect(await isEncrypted(`${plain.url}?sslmode=${mode}`)).toBe(false);
    const as = (url: string): string => `${url}?sslmode=require`;
    const pipeline = await createPipeline(plain, plain, {}, as);
    const { code, stdout, stderr } = await weir.run(['check', pipeline.file]);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/SECURITY WARNING|\(node:|defect/);
  });

  it('looks at the certificate as far as it says, and carries copies and changes', async () => {
    const authority = await createAuthority();
    const { ca } = authority;
    const { cert, key } = await authority.issue('server');
    const { dataDirectory } = encrypted.server;
    const owner = await stat(dataDirectory);
    for (const [from, to] of [
      [cert, 'server.crt'],
      [key, 'server.key'],
    ] as const) {
      const file = path.join(dataDirectory, to);
      await copyFile(from, file);
      await chown(file, owner.uid, owner.gid);
      await chmod(file, 0o600);
    }
    await appendFile(path.join(dataDirectory, 'postgresql.conf'), 'ssl = on\n');
    await encrypted.server.restart();
    const { url } = encrypted;
    const root = `sslrootcert=${encodeURIComponent(ca)}`;
    for (const [query, expected] of [
      ['', true],
      ['?sslmode=disable', false],
      ['?sslmode=allow', false],
      ['?sslmode=require', true],
      [`?sslmode=require&${root}`, true],
      [`?sslmode=verify-ca&${root}`, true],
      [`?sslmode=verify-full&${root}`, true],
    ] as const)
      expect(await isEncrypted(url + query), query).toBe(expected);
    await expect(isEncrypted(`${url}?sslmode=verify-full`)).rejects.toThrow(
      /not trusted.*sslrootcert=FILE/,
    );
    await expect(isEncrypted(`${url}?sslmode=verify-ca&sslrootcert=/nowhere.pem`)).rejects.toThrow(
      /nowhere\.pem.*ENOENT/,
    );

    const database = await encrypted.createDatabase();
    await queryPostgres(
      database,
      'CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i',
    );
    const pipeline = new SourcePipeline(`${database}?sslmode=require`);
    await pipeline.open();
    pipeline.follow();
    await pipeline.copy();
    await queryPostgres(database, 'INSERT INTO t VALUES (0, NULL)');
    await pipeline.catchUp();
    expect(pipeline.model.rows('public.t')).toHaveLength(5001);
    await pipeline.close();
  });
});
