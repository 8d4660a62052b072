import { expect, it } from 'vitest';
import { describeMysql, queryMysql } from '../../support/mysql-servers.ts';

describeMysql('a server of the tests', (server) => {
  it('is of the kind that was asked for, and writes every row into its log', async () => {
    const [row] = await queryMysql(
      server.url,
      'SELECT version(), @@global.log_bin, @@global.binlog_format, @@global.binlog_row_image, @@global.binlog_row_metadata',
    );
    expect(row?.[0]?.includes('MariaDB')).toBe(server.flavour === 'mariadb');
    expect(row?.slice(1)).toEqual(['1', 'ROW', 'FULL', 'FULL']);
  });

  it('is set up as its owner likes it, not as Weir does', async () => {
    const [row] = await queryMysql(
      server.url,
      'SELECT @@global.time_zone, @@global.autocommit, @@global.character_set_server, @@global.sql_mode',
    );
    expect(row?.slice(0, 3)).toEqual(['+05:45', '0', 'latin1']);
    expect(row?.[3]).toContain('ANSI_QUOTES');
  });

  it('has its data after a kill and a start', async () => {
    const database = await server.createDatabase();
    await queryMysql(
      database,
      'CREATE TABLE t (id int PRIMARY KEY)',
      'INSERT INTO t VALUES (1), (2)',
    );
    await server.server.kill();
    await server.server.start();
    expect(await queryMysql(database, 'SELECT id FROM t ORDER BY id')).toEqual([['1'], ['2']]);
  });
});
