import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  copyRows,
  decodeRows,
  knowTable,
  openMysql,
  readEvents,
  readLogEnd,
  type Texts,
} from '../../support/mysql-log.ts';
import { describeMysql, queryMysql } from '../../support/mysql-servers.ts';
import { columnsOfValues } from '../../support/mysql-values.ts';

/** A value, and its canonical text, said by hand. */
const KNOWN: readonly (readonly [type: string, sql: string, text: string])[] = [
  ['bigint unsigned', '18446744073709551615', '18446744073709551615'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['int(9) zerofill', '7', '7'],
  ['decimal(20,10)', '-0.0000000001', '-0.0000000001'],
  ['float', '16777217', '1.6777216e+07'],
  ['double', '1e300', '1e+300'],
  ['year', '0', '0'],
  ['bit(12)', "b'101'", '000000000101'],
  ['date', "'2024-00-10'", '2024-00-10'],
  ['time(3)', "'-838:00:00.120'", '-838:00:00.12'],
  ['datetime(6)', "'2024-02-29 01:02:03.000100'", '2024-02-29 01:02:03.0001'],
  ['timestamp(6) NULL', "'2024-02-29 01:02:03'", '2024-02-29 01:02:03+00'],
  ['timestamp NULL', "'0000-00-00 00:00:00'", '0000-00-00 00:00:00+00'],
  ['binary(4)', "x'01'", '\\x01000000'],
  ['blob', "x'00ff5c'", '\\x00ff5c'],
  ['varchar(9) CHARACTER SET latin1', "'€ä'", '€ä'],
  ['varchar(9) CHARACTER SET utf16', "'😀é'", '😀é'],
  ['char(9) CHARACTER SET utf8mb4', "'a  '", 'a'],
  ["enum('x','y')", "'y'", 'y'],
  ["set('x','y','z')", "'z,x'", 'x,z'],
  ['point', "ST_GeomFromText('POINT(1 2)')", '0101000000000000000000F03F0000000000000040'],
  [
    'geometry',
    "ST_GeomFromText('POINT(1 2)', 3857)",
    '0101000020110F0000000000000000F03F0000000000000040',
  ],
];
const KNOWN_ONLY: Record<'mariadb' | 'mysql', typeof KNOWN> = {
  mariadb: [
    ['json', `'[1 ,2]'`, '[1 ,2]'],
    ['inet6', "'1:0:0:2:0:0:0:3'", '1:0:0:2::3'],
    ['uuid', "'123E4567-E89B-12D3-A456-426614174000'", '123e4567-e89b-12d3-a456-426614174000'],
  ],
  mysql: [
    [
      'json',
      `'{"bb":1e2,"a":[1.0,1e20,"ä"]}'`,
      '{"a": [1.0, 100000000000000000000, "ä"], "bb": 100.0}',
    ],
    ['varchar(9) CHARACTER SET utf16', "'between'", 'between'],
    ['vector(2)', "STRING_TO_VECTOR('[1.5,-0.1]')", '[1.5,-0.1]'],
    ['varchar(9) CHARACTER SET latin1', "'behind'", 'behind'],
  ],
};

const ROWS = 40;
const GROUP = 12;

describeMysql('the log', (server) => {
  it('and a copy have values in the one form that all stores have', async () => {
    const known = [...KNOWN, ...KNOWN_ONLY[server.flavour]];
    const url = await server.createDatabase();
    const columns = known.map(([type], at) => `c${at} ${type}`);
    await queryMysql(url, `CREATE TABLE t (${columns.join(', ')}) ENGINE=InnoDB`);
    const start = await readLogEnd(await openMysql(url));
    await queryMysql(url, `INSERT INTO t VALUES (${known.map(([, sql]) => sql).join(', ')})`);
    const table = await knowTable(url, 't');
    const [logged] = decodeRows(await readEvents(url, start), 't', table);
    const texts = known.map(([, , text]) => text);
    expect(logged?.after).toEqual(texts);
    expect(await copyRows(url, 't', table)).toEqual([texts]);
  });

  it('says signs, character sets and labels of each column, whatever type stands between', async () => {
    const url = await server.createDatabase();
    const start = await readLogEnd(await openMysql(url));
    const types = columnsOfValues(server.flavour).map(({ type }) => type);
    const around = (type: string): string =>
      `a int, x varchar(9) CHARACTER SET latin1, e enum('p'), t ${type}, b int unsigned, y varchar(9) CHARACTER SET utf16, f enum('q'), c int`;
    await queryMysql(
      url,
      ...types.flatMap((type, at) => [
        `CREATE TABLE t${at} (${around(type)}) ENGINE=InnoDB`,
        `INSERT INTO t${at} (a, x, e, b, y, f, c) VALUES (-1, 'ä', 'p', 4294967295, '漢', 'q', -2)`,
      ]),
    );
    const events = await readEvents(url, start);
    const { charsets } = await knowTable(url, 't0');
    for (const [at, type] of types.entries()) {
      const [row] = decodeRows(events, `t${at}`, await knowTable(url, `t${at}`, charsets));
      const expected = ['-1', 'ä', 'p', null, '4294967295', '漢', 'q', '-2'];
      expect([type, row?.after]).toEqual([type, expected]);
    }
  });

  it('and a copy refuse text that its character set does not have, and say the column', async () => {
    const url = await server.createDatabase();
    await queryMysql(
      url,
      'CREATE TABLE t (id int PRIMARY KEY, v varchar(9) CHARACTER SET greek) ENGINE=InnoDB',
    );
    const start = await readLogEnd(await openMysql(url));
    await queryMysql(url, "INSERT INTO t VALUES (1, _greek x'41d2')");
    const table = await knowTable(url, 't');
    const events = await readEvents(url, start);
    const refusal = { column: 1, reason: expect.stringContaining('character set') as string };
    expect(() => decodeRows(events, 't', table)).toThrow(expect.objectContaining(refusal));
    await expect(copyRows(url, 't', table)).rejects.toThrow(/character set/);
  });

  it('says of rows of every type what a copy of them says', async () => {
    // In any order: what the log says of the columns of a kind depends on which others are there.
    const all = columnsOfValues(server.flavour)
      .map((column) => ({ column, place: Math.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ column }) => column);
    const url = await server.createDatabase();
    // Rows of all columns at once would be longer than a server lets them be.
    for (let from = 0; from < all.length; from += GROUP) {
      const table = `t${from}`;
      const columns = all.slice(from, from + GROUP);
      await queryMysql(
        url,
        `CREATE TABLE ${table} (id int PRIMARY KEY, ${columns.map(({ type }, at) => `c${at} ${type}`).join(', ')}) ENGINE=InnoDB`,
      );
      const control = await openMysql(url);
      const start = await readLogEnd(control);
      const most = Math.max(ROWS, ...columns.map(({ edges }) => edges.length));
      const value = (at: number, row: number): string =>
        columns[at]!.edges[row] ?? (randomInt(8) === 0 ? 'NULL' : columns[at]!.random());
      const statements: string[] = [];
      for (let row = 0; row < most; row++)
        statements.push(
          `INSERT INTO ${table} VALUES (${[row, ...columns.map((_, at) => value(at, row))].join(', ')})`,
        );
      for (let row = 0; row < most; row += 3) {
        const at = randomInt(columns.length);
        statements.push(`UPDATE ${table} SET c${at} = ${value(at, most)} WHERE id = ${row}`);
      }
      statements.push(`DELETE FROM ${table} WHERE id % 5 = 1`);
      await queryMysql(url, ...statements);

      const known = await knowTable(url, table);
      const rows = new Map<string, Texts>();
      for (const { change, before, after } of decodeRows(
        await readEvents(url, start),
        table,
        known,
      )) {
        if (change !== 'insert') expect(rows.get(before![0]!)).toEqual(before);
        if (change !== 'insert') rows.delete(before![0]!);
        if (change !== 'delete') rows.set(after![0]!, after!);
      }
      const copied = new Map((await copyRows(url, table, known)).map((row) => [row[0]!, row]));
      expect(rows.size).toBeGreaterThan(20);
      for (const [id, row] of copied)
        row.forEach((text, at) => {
          const type = at === 0 ? 'id' : columns[at - 1]!.type;
          expect([type, rows.get(id)?.[at]]).toEqual([type, text]);
        });
      expect([...rows.keys()].sort()).toEqual([...copied.keys()].sort());
    }
  });
});
