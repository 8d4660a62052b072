import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { followLog } from '../../../services/connectors/mysql/binlog/follow-log.ts';
import type { LogEvent } from '../../../services/connectors/mysql/binlog/log-reader.ts';
import {
  decodeRows,
  knowTable,
  type LoggedRow,
  openMysql,
  readEvents,
  readLogEnd,
} from '../../support/mysql-log.ts';
import { describeMysql, queryMysql, type TestMysql } from '../../support/mysql-servers.ts';

/** What events say, in words, without what differs between servers and runs. */
function told(events: readonly LogEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === 'rows') return `${event.change} ${event.table.table}`;
    if (event.kind === 'statement') return event.sql.replace(/\s*\/\*.*?\*\//g, '');
    return event.kind;
  });
}

describeMysql('events of the log', (server) => {
  /** What happens after the table is made, as events and as rows of `t`. */
  async function logged(
    columns: string,
    ...statements: string[]
  ): Promise<{ events: LogEvent[]; rows: () => Promise<LoggedRow[]>; url: string }> {
    const url = await server.createDatabase();
    await queryMysql(url, `CREATE TABLE t (${columns}) ENGINE=InnoDB CHARACTER SET utf8mb4`);
    const start = await readLogEnd(await openMysql(url));
    await queryMysql(url, ...statements);
    const events = await readEvents(url, start);
    const rows = async () => decodeRows(events, 't', await knowTable(url, 't'));
    return { events, rows, url };
  }

  it('show whole transactions, and statements that are one of their own', async () => {
    const { events } = await logged(
      'id int PRIMARY KEY, v int',
      ...['BEGIN', 'INSERT INTO t VALUES (1, 1), (2, 2)', 'SAVEPOINT s'],
      ...['UPDATE t SET v = 3', 'ROLLBACK TO SAVEPOINT s', 'DELETE FROM t WHERE id = 1', 'COMMIT'],
      ...['TRUNCATE t', 'ALTER TABLE t ADD COLUMN w int'],
    );
    const said = told(events).filter((each) => !/^(file|BEGIN|SAVEPOINT|ROLLBACK TO)/.test(each));
    expect(said).toEqual([
      ...['transaction', 'insert t', 'delete t', 'commit'],
      ...['transaction', 'TRUNCATE t', 'transaction', 'ALTER TABLE t ADD COLUMN w int'],
    ]);
    const gtids = events.flatMap((event) => (event.kind === 'transaction' ? [event.gtid] : []));
    const form = server.flavour === 'mysql' ? /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d+$/ : /^0-1-\d+$/; // prettier-ignore
    for (const gtid of gtids) expect(gtid).toMatch(form);
    expect(new Set(gtids).size).toBe(3);
  });

  it('name the file first, and each transaction where it begins and ends', async () => {
    const { events, url } = await logged(
      'id int PRIMARY KEY',
      ...['INSERT INTO t VALUES (1)', 'INSERT INTO t VALUES (2)'],
    );
    const [first] = events;
    expect(first).toMatchObject({
      kind: 'file',
      file: expect.stringMatching(/\.\d{6}$/) as string,
    });
    const begins = events.flatMap((event) =>
      event.kind === 'transaction' ? [event.header.end - event.header.size] : [],
    );
    const ends = events.flatMap((event) => (event.kind === 'commit' ? [event.header.end] : []));
    expect(begins[0]).toBe(first?.kind === 'file' ? first.position : -1);
    expect(begins[1]).toBe(ends[0]);
    // From the second one on, only that comes.
    const file = first?.kind === 'file' ? first.file : '';
    const later = await readEvents(url, { file, position: begins[1]! });
    const rows = decodeRows(later, 't', await knowTable(url, 't'));
    expect(rows.map(({ after }) => after)).toEqual([['2']]);
  });

  it('go on in the next file', async () => {
    const { rows, events } = await logged(
      'id int PRIMARY KEY',
      ...['INSERT INTO t VALUES (1)', 'FLUSH BINARY LOGS', 'INSERT INTO t VALUES (2)'],
    );
    expect((await rows()).map(({ after }) => after)).toEqual([['1'], ['2']]);
    const files = new Set(events.flatMap((event) => (event.kind === 'file' ? [event.file] : [])));
    expect(files.size).toBe(2);
  });

  it('have what an update leaves out from the row before, and say what neither has', async () => {
    const { rows } = await logged(
      'id int PRIMARY KEY, a varchar(9), b text, c int',
      "INSERT INTO t VALUES (1, 'x', REPEAT('b', 9000), 5)",
      "SET SESSION binlog_row_image = 'MINIMAL'",
      ...["UPDATE t SET a = 'y' WHERE id = 1", 'UPDATE t SET id = 2', 'DELETE FROM t'],
    );
    expect((await rows()).slice(1)).toEqual([
      {
        ...{ table: 't', change: 'update' },
        before: ['1', undefined, undefined, undefined],
        after: ['1', 'y', undefined, undefined],
      },
      {
        ...{ table: 't', change: 'update' },
        before: ['1', undefined, undefined, undefined],
        after: ['2', undefined, undefined, undefined],
      },
      {
        ...{ table: 't', change: 'delete' },
        ...{ before: ['2', undefined, undefined, undefined], after: null },
      },
    ]);
  });

  it('stop at a new row that does not have all its columns', async () => {
    const { rows } = await logged(
      'id int PRIMARY KEY, a int DEFAULT 7, b int',
      "SET SESSION binlog_row_image = 'MINIMAL'",
      'INSERT INTO t (id) VALUES (1)',
    );
    await expect(rows()).rejects.toMatchObject({
      code: 'SOURCE_UNFIT',
      message: expect.stringContaining('binlog_row_image=FULL') as string,
    });
  });

  it('have no columns that the server computes, and read over them', async () => {
    const { rows } = await logged(
      'id int PRIMARY KEY, v int, w int GENERATED ALWAYS AS (v + 1) VIRTUAL, x varchar(9) GENERATED ALWAYS AS (v) STORED, y int',
      ...['INSERT INTO t (id, v, y) VALUES (1, 2, 3)', 'UPDATE t SET v = 4'],
    );
    expect((await rows()).map(({ after }) => after)).toEqual([
      ['1', '2', '3'],
      ['1', '4', '3'],
    ]);
  });

  it.each([
    ['another type', 'MODIFY v bigint'],
    ['another sign', 'MODIFY v int unsigned'],
    ['another name', 'CHANGE v w int'],
    ['one more column', 'ADD COLUMN w int'],
    ['another order', 'MODIFY v int FIRST'],
    ['another length', 'MODIFY b binary(5)'],
    ['another precision', 'MODIFY d decimal(11,2)'],
    ['other labels', "MODIFY e enum('a', 'c')"],
    ['another character set', 'MODIFY s varchar(9) CHARACTER SET latin1'],
    ['more digits of a second', 'MODIFY z datetime(3)'],
  ])('stop where the table has %s since', async (_, change) => {
    const { rows } = await logged(
      "id int PRIMARY KEY, v int, b binary(4), d decimal(10,2), e enum('a', 'b'), s varchar(9), z datetime",
      "INSERT INTO t VALUES (1, 2, 'b', 3, 'a', 's', '2024-01-01 00:00:00')",
      `ALTER TABLE t ${change}`,
    );
    await expect(rows()).rejects.toMatchObject({
      code: 'SCHEMA_CHANGED',
      message: expect.stringMatching(/^The table test_\w+\.t is not in the log as it was known: /) as string, // prettier-ignore
    });
  });

  it('stop at text in a character set that is not read', async () => {
    const { rows } = await logged(
      'id int PRIMARY KEY, v varchar(9) CHARACTER SET sjis',
      "INSERT INTO t VALUES (1, 'a')",
    );
    await expect(rows()).rejects.toMatchObject({
      code: 'SOURCE_UNFIT',
      message: expect.stringContaining('v is in the character set sjis') as string,
    });
  });

  it('stop where the log does not say the columns', async () => {
    await withGlobal(server, 'binlog_row_metadata', 'MINIMAL', async () => {
      const { rows } = await logged('id int PRIMARY KEY', 'INSERT INTO t VALUES (1)');
      await expect(rows()).rejects.toMatchObject({
        code: 'SOURCE_UNFIT',
        message: expect.stringContaining('binlog_row_metadata=FULL') as string,
      });
    });
  });

  it('are read where only some files have checksums', async () => {
    await withGlobal(server, 'binlog_checksum', 'NONE', async () => {
      const { rows } = await logged('id int PRIMARY KEY', 'INSERT INTO t VALUES (1)');
      expect((await rows()).map(({ after }) => after)).toEqual([['1']]);
    });
    const { rows } = await logged('id int PRIMARY KEY', 'INSERT INTO t VALUES (2)');
    expect((await rows()).map(({ after }) => after)).toEqual([['2']]);
  });

  it('come from an idle server too, which says how far its log goes', async () => {
    const connection = await openMysql(server.url);
    const end = await readLogEnd(connection);
    const options = { ...end, serverId: randomInt(2 ** 30, 2 ** 31), heartbeatMs: 100 };
    const beat = new Promise<LogEvent>((resolve, reject) => {
      followLog(connection, options, (event) => {
        if (event.kind === 'idle') resolve(event);
      }).catch(reject);
    });
    expect(await beat).toEqual({ kind: 'idle', ...end });
  });

  it('are lost where the server has thrown their file away', async () => {
    const start = await readLogEnd(await openMysql(server.url));
    await expect(
      readEvents(server.url, { file: start.file.replace(/\d+$/, '000999'), position: 4 }),
    ).rejects.toMatchObject({ code: 'POSITION_LOST' });
  });

  it('of many rows and long ones are read as well', async () => {
    const { rows, url } = await logged(
      'id int PRIMARY KEY, v longtext',
      'SET GLOBAL max_allowed_packet = 67108864',
      "INSERT INTO t SELECT a.n + 10 * b.n + 100 * c.n, REPEAT('v', a.n * 100) FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) a, (SELECT 0 n UNION SELECT 1 UNION SELECT 2) b, (SELECT 0 n UNION SELECT 4) c",
    );
    expect((await rows()).length).toBe(24);
    const start = await readLogEnd(await openMysql(url));
    await queryMysql(url, "INSERT INTO t VALUES (9999, REPEAT('w', 17000000))");
    const [row] = decodeRows(await readEvents(url, start), 't', await knowTable(url, 't'));
    expect(row?.after?.[1]?.length).toBe(17_000_000);
  });

  if (server.flavour === 'mariadb')
    it('are read where the server compresses them', async () => {
      await withGlobal(server, 'log_bin_compress', 'ON', async () => {
        const { rows, events } = await logged(
          'id int PRIMARY KEY, v text',
          ...["INSERT INTO t VALUES (1, REPEAT('a', 3000))", "UPDATE t SET v = REPEAT('b', 3000)"],
          ...['DELETE FROM t', `ALTER TABLE t COMMENT '${'c'.repeat(400)}'`],
        );
        const [first, second, third] = await rows();
        expect([first?.after, second?.before, second?.after, third?.before]).toEqual([
          ['1', 'a'.repeat(3000)],
          ['1', 'a'.repeat(3000)],
          ['1', 'b'.repeat(3000)],
          ['1', 'b'.repeat(3000)],
        ]);
        expect(events.some((event) => event.kind === 'rows' && event.header.type > 160)).toBe(true);
        expect(told(events)).toContain(`ALTER TABLE t COMMENT '${'c'.repeat(400)}'`);
      });
    });
  else {
    it('show transactions that have no GTID', async () => {
      const modes = ['ON', 'ON_PERMISSIVE', 'OFF_PERMISSIVE'];
      const set = (mode: string): string => `SET GLOBAL gtid_mode = ${mode}`;
      await queryMysql(server.url, ...modes.map(set));
      try {
        const { events } = await logged('id int PRIMARY KEY', 'INSERT INTO t VALUES (1)');
        const gtids = events.flatMap((event) => (event.kind === 'transaction' ? [event.gtid] : []));
        expect(gtids).toEqual([null]);
      } finally {
        await queryMysql(server.url, ...modes.reverse().map(set));
      }
    });

    it('stop at compressed transactions', async () => {
      const reading = logged(
        'id int PRIMARY KEY',
        ...['SET SESSION binlog_transaction_compression = ON', 'INSERT INTO t VALUES (1)'],
      );
      await expect(reading).rejects.toMatchObject({
        code: 'SOURCE_UNFIT',
        message: expect.stringContaining('binlog_transaction_compression=OFF') as string,
      });
    });

    it('stop at documents that are written as differences', async () => {
      const reading = logged(
        'id int PRIMARY KEY, v json',
        "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
        `INSERT INTO t VALUES (1, '{"a":1}')`,
        "UPDATE t SET v = JSON_SET(v, '$.a', 2)",
      );
      await expect(reading).rejects.toMatchObject({
        code: 'SOURCE_UNFIT',
        message: expect.stringContaining('binlog_row_value_options') as string,
      });
    });
  }

  it('stop at a transaction that is prepared', async () => {
    const reading = logged(
      'id int PRIMARY KEY',
      ...["XA START 'x'", 'INSERT INTO t VALUES (1)', "XA END 'x'", "XA PREPARE 'x'"],
      "XA COMMIT 'x'",
    );
    await expect(reading).rejects.toMatchObject({
      code: 'SOURCE_UNFIT',
      message: expect.stringContaining('prepared by XA') as string,
    });
  });
});

async function withGlobal(
  { url }: TestMysql,
  name: string,
  value: string,
  work: () => Promise<void>,
): Promise<void> {
  const [row] = await queryMysql(url, `SELECT @@global.${name}`);
  await queryMysql(url, `SET GLOBAL ${name} = '${value}'`.replace(/'(ON|OFF)'/, '$1'));
  try {
    await work();
  } finally {
    await queryMysql(url, `SET GLOBAL ${name} = '${row![0]}'`.replace(/'([01])'/, '$1'));
  }
}
