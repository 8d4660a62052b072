import { expect, it, onTestFinished, vi } from 'vitest';
import {
  type ConnectOptions,
  MysqlConnection,
} from '../../../services/connectors/mysql/connection/connection.ts';
import { startMysql } from '../../../infra/mysql/mysql-server.ts';
import { createAuthority } from '../../support/certificates.ts';
import { describeMysql, queryMysql } from '../../support/mysql-servers.ts';

async function open(url: string, more: Partial<ConnectOptions> = {}): Promise<MysqlConnection> {
  const connection = await MysqlConnection.open(url, { programName: 'weir tests', ...more });
  onTestFinished(() => connection.close());
  return connection;
}

describeMysql('a connection', (server) => {
  it('runs with our settings, whatever the server has for others', async () => {
    const connection = await open(server.url);
    const settings = new Map(
      (await connection.query('asking', 'SHOW SESSION VARIABLES')).map(([name, value]) => [
        name,
        value,
      ]),
    );
    const isolation = settings.get('transaction_isolation') ?? settings.get('tx_isolation');
    expect(isolation).toBe('READ-COMMITTED');
    expect(settings.get('sql_mode')?.split(',').sort()).toEqual([
      ...['NO_AUTO_VALUE_ON_ZERO', 'NO_ENGINE_SUBSTITUTION', 'STRICT_ALL_TABLES'],
    ]);
    expect(settings.get('time_zone')).toBe('+00:00');
    expect(settings.get('autocommit')).toBe('ON');
    expect(settings.get('character_set_results')).toBe('utf8mb4');
    expect(settings.get('net_write_timeout')).toBe('3600');
    expect(settings.get('wait_timeout')).toBe('28800');
    expect(Number(settings.get('max_statement_time') ?? settings.get('max_execution_time'))).toBe(
      0,
    );
  });

  it('takes the flavour from the server and not from the scheme', async () => {
    const other = server.flavour === 'mysql' ? 'mariadb:' : 'mysql:';
    const connection = await open(server.url.replace(/^\w+:/, other));
    expect(connection.version.flavour).toBe(server.flavour);
  });

  it('gives text of any length as it is, and tells NULL from nothing', async () => {
    const connection = await open(server.url);
    const sql =
      "SELECT NULL, '', 'ä😀\\'\"', REPEAT('x', 300), LENGTH(REPEAT('y', 70000)), REPEAT('z', 70000)";
    const [row] = await connection.query('asking', sql);
    expect(row?.slice(0, 5)).toEqual([null, '', 'ä😀\'"', 'x'.repeat(300), '70000']);
    expect(row?.[5]).toBe('z'.repeat(70_000));
  });

  it('carries a statement and a value that need several packets', async () => {
    await queryMysql(server.url, 'SET GLOBAL max_allowed_packet = 67108864');
    const connection = await open(server.url);
    const sizes = [0xff_ff_ff - 20, 0xff_ff_ff, 0xff_ff_ff + 1, 20_000_000];
    for (const size of sizes) {
      const [row] = await connection.query('asking', `SELECT '${'v'.repeat(size)}' AS v, 1`);
      expect(row?.[0]?.length).toBe(size);
      expect(row?.[1]).toBe('1');
    }
  });

  it('says what the server refused, and can be used again', async () => {
    const connection = await open(server.url);
    await expect(connection.query('asking', 'SELECT * FROM no_such_table')).rejects.toMatchObject({
      code: 'STATEMENT_REFUSED',
      message: expect.stringMatching(/^Asking at .*no_such_table.*\[1146\]\.$/) as string,
    });
    expect(await connection.query('asking', 'SELECT 1')).toEqual([['1']]);
  });

  it('tells what a statement without rows has done', async () => {
    const database = await server.createDatabase();
    const connection = await open(database);
    await connection.run('making', 'CREATE TABLE t (id int PRIMARY KEY, v int) ENGINE=InnoDB');
    const made = await connection.run('writing', 'INSERT INTO t VALUES (0, 1), (1, 1), (2, 1)');
    expect(made).toMatchObject({ affectedRows: 3, warnings: 0 });
    // Matched, not changed: what a fence has to count.
    const same = await connection.run('writing', 'UPDATE t SET v = 1 WHERE id < 2');
    expect(same).toMatchObject({ affectedRows: 2 });
  });

  it('refuses a wrong password, and never says it', async () => {
    await queryMysql(server.url, "CREATE USER 'known'@'%' IDENTIFIED BY 'right'");
    const url = new URL(server.url);
    url.username = 'known';
    url.password = 'wrong-secret';
    await expect(open(url.href)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.not.stringContaining('wrong-secret') as string,
    });
    url.password = 'right';
    url.pathname = '/';
    const connection = await open(url.href);
    expect(await connection.query('asking', 'SELECT CURRENT_USER()')).toEqual([['known@%']]);
  });

  it('says that nobody is there, and that a database is not', async () => {
    await expect(open('mysql://root@127.0.0.1:1/x')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    const url = new URL(server.url);
    url.pathname = '/nowhere';
    await expect(open(url.href)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells once that it was lost, and every later statement the same', async () => {
    const lost: string[] = [];
    const connection = await open(server.url, { onLost: ({ code }) => lost.push(code) });
    const waiting = expect(connection.query('waiting', 'SELECT SLEEP(30)')).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    await queryMysql(server.url, `KILL ${connection.threadId}`);
    await waiting;
    await expect(connection.query('asking', 'SELECT 1')).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    await vi.waitFor(() => expect(lost).toEqual(['UNREACHABLE']));
  });

  // Only its way to sign in needs such a key.
  if (server.flavour === 'mysql')
    it('sends no password under a key that anybody could have named', async () => {
      await queryMysql(server.url, "CREATE USER 'careful'@'%' IDENTIFIED BY 'right'");
      const url = new URL(server.url);
      // Loopback under a name that says so to nobody.
      url.host = `127.1:${url.port}`;
      url.username = 'careful';
      url.password = 'right';
      url.pathname = '/';
      url.searchParams.set('ssl-mode', 'DISABLED');
      await expect(open(url.href)).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
        message: expect.stringContaining('get-server-public-key=true') as string,
      });
      url.searchParams.set('get-server-public-key', 'true');
      expect((await open(url.href)).isEncrypted).toBe(false);
    });

  it('shows its owner who it is', async () => {
    const connection = await open(server.url, { pipeline: 'shop' });
    const [row] = await queryMysql(
      server.url,
      `SELECT COUNT(*) FROM information_schema.processlist WHERE id = ${connection.threadId}`,
    );
    expect(row).toEqual(['1']);
    if (server.flavour !== 'mysql') return;
    const attributes = await queryMysql(
      server.url,
      `SELECT attr_name, attr_value FROM performance_schema.session_connect_attrs WHERE processlist_id = ${connection.threadId}`,
    );
    expect(Object.fromEntries(attributes)).toMatchObject({
      ...{ program_name: 'weir tests', weir_pipeline: 'shop' },
    });
  });

  it('goes through a socket of this machine', async () => {
    const url = new URL(server.url);
    url.searchParams.set('socket', server.server.socketPath);
    const connection = await open(url.href);
    expect(await connection.query('asking', 'SELECT 1')).toEqual([['1']]);
    expect(connection.where).toContain(server.server.socketPath);
  });

  it('looks at the certificate as closely as the URL says', async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issue('localhost');
    const own = await startMysql({
      binaries: server.binaries,
      settings: { 'ssl-cert': cert, 'ssl-key': key },
    });
    onTestFinished(() => own.stop());
    const url = (host: string, mode: string, ca: string): string =>
      `mysql://root@${host}:${own.port}/mysql?ssl-mode=${mode}&ssl-ca=${encodeURIComponent(ca)}`;
    for (const [host, mode] of [
      ['127.0.0.1', 'VERIFY_CA'],
      ['localhost', 'VERIFY_IDENTITY'],
    ] as const) {
      const connection = await open(url(host, mode, authority.ca));
      expect(connection.isEncrypted).toBe(true);
      const [row] = await connection.query('asking', "SELECT REPEAT('z', 300000)");
      expect(row?.[0]?.length).toBe(300_000);
    }
    const another = await createAuthority();
    await expect(open(url('127.0.0.1', 'VERIFY_CA', another.ca))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is not trusted') as string,
    });
    // The same machine under a name that the certificate does not have.
    await expect(open(url('127.1', 'VERIFY_IDENTITY', authority.ca))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is for another name') as string,
    });
  });

  it('is not encrypted where the server cannot, and refuses where it must be', async () => {
    const url = new URL(server.url);
    url.searchParams.set('ssl-mode', 'REQUIRED');
    if (server.flavour === 'mysql') {
      // It makes a certificate of its own.
      expect((await open(url.href)).isEncrypted).toBe(true);
      expect((await open(server.url)).isEncrypted).toBe(true);
      url.searchParams.set('ssl-mode', 'VERIFY_CA');
      await expect(open(url.href)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('ssl-ca=FILE') as string,
      });
      return;
    }
    expect((await open(server.url)).isEncrypted).toBe(false);
    await expect(open(url.href)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('does not offer TLS') as string,
    });
  });
});
