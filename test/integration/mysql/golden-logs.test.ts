import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  type Golden,
  GOLDEN_TABLE,
  goldenColumns,
  goldenPath,
  rowsOf,
} from '../../support/mysql-golden.ts';
import { knowTable, openMysql, readLogEnd } from '../../support/mysql-log.ts';
import { describeMysql, queryMysql } from '../../support/mysql-servers.ts';

describeMysql('a file of the log', (server) => {
  // With WEIR_GOLDEN=write it becomes the file that `golden.test.ts` reads where there is no server.
  it('has the rows that the server prints', async () => {
    const url = await server.createDatabase();
    const columns = goldenColumns(server.flavour);
    const printed = columns.map(({ print }, at) => print(`c${at}`)).join(', ');
    const select = async (): Promise<(string | null)[][]> =>
      queryMysql(url, `SELECT id, ${printed} FROM ${GOLDEN_TABLE} ORDER BY id`);
    await queryMysql(
      url,
      `CREATE TABLE ${GOLDEN_TABLE} (id int PRIMARY KEY, ${columns.map(({ type }, at) => `c${at} ${type}`).join(', ')}) ENGINE=InnoDB`,
      'FLUSH BINARY LOGS',
      ...[0, 1, 2].map(
        (row) =>
          `INSERT INTO ${GOLDEN_TABLE} VALUES (${[row, ...columns.map(({ values }) => values[row])].join(', ')})`,
      ),
    );
    const inserted = await select();
    const turned = columns.map(({ values }, at) => `c${at} = ${values[1]}`).join(', ');
    await queryMysql(url, `UPDATE ${GOLDEN_TABLE} SET ${turned} WHERE id <> 1`);
    const updated = await select();
    await queryMysql(url, `DELETE FROM ${GOLDEN_TABLE}`);
    const connection = await openMysql(url);
    const { file } = await readLogEnd(connection);
    await queryMysql(url, 'FLUSH BINARY LOGS');
    const log = readFileSync(path.join(server.server.dataDirectory, file));
    const known = await knowTable(url, GOLDEN_TABLE);
    const used = new Set(['utf8mb4', 'latin1', 'utf16', 'binary']);
    const golden: Golden = {
      version: connection.version.text,
      columns: known.columns,
      collations: [...known.charsets.byCollation].filter(([, name]) => used.has(name)),
      tables: { latin1: [...known.charsets.tables.get('latin1')!] },
      rows: [
        ...inserted.map((after) => ({ before: null, after })),
        ...updated.flatMap((after, at) => (at === 1 ? [] : [{ before: inserted[at]!, after }])),
        ...updated.map((before) => ({ before, after: null })),
      ],
    };
    expect(rowsOf(log, golden)).toEqual(golden.rows);
    if (process.env.WEIR_GOLDEN !== 'write') return;
    const name = `${server.flavour}-${connection.version.text.replace(/^(\d+\.\d+).*/, '$1')}`;
    writeFileSync(goldenPath(`${name}.binlog`), log);
    writeFileSync(goldenPath(`${name}.json`), `${JSON.stringify(golden)}\n`);
  });
});
