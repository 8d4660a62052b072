import { expect, it, onTestFinished } from 'vitest';
import { readNativeColumns } from '../../../services/connectors/mysql/catalog/native-columns.ts';
import { MysqlConnection } from '../../../services/connectors/mysql/connection/connection.ts';
import { toLogical } from '../../../services/connectors/mysql/types/to-logical.ts';
import { showType } from '../../../shared/schema/show-type.ts';
import { describeMysql, queryMysql } from '../../support/mysql-servers.ts';

/** A column's type in SQL, and its logical one as people read it. */
const EVERYWHERE: readonly (readonly [string, string])[] = [
  ['tinyint(1)', 'integer of 8 bits'],
  ['tinyint unsigned', 'integer of 8 bits unsigned'],
  ['smallint', 'smallint'],
  ['mediumint', 'integer of 24 bits'],
  ['mediumint unsigned zerofill', 'integer of 24 bits unsigned'],
  ['int', 'integer'],
  ['int(7) zerofill', 'integer unsigned'],
  ['bigint', 'bigint'],
  ['bigint unsigned', 'bigint unsigned'],
  ['year', 'smallint'],
  ['decimal(65,30)', 'numeric(65,30)'],
  ['decimal', 'numeric(10,0)'],
  ['float', 'real'],
  ['float(7,2) unsigned', 'real'],
  ['double', 'double precision'],
  ['bit', 'bit(1)'],
  ['bit(64)', 'bit(64)'],
  ['date', 'date'],
  ['time', 'time(0) beyond a day'],
  ['time(6)', 'time(6) beyond a day'],
  ['datetime(3)', 'timestamp(3) without time zone'],
  ['timestamp(6) NULL', 'timestamp(6) with time zone'],
  ['char(3) CHARACTER SET latin1', 'character varying(3)'],
  ['varchar(20) CHARACTER SET utf8mb4', 'character varying(20)'],
  ['tinytext', 'text'],
  ['longtext', 'text'],
  ['binary(16)', 'binary(16)'],
  ['varbinary(9)', 'varbinary(9)'],
  ['longblob', 'bytea'],
  ['point', 'geometry point'],
  ['geometry', 'geometry'],
  ['geometrycollection', 'geometry geometrycollection'],
];
const ONLY: Record<'mariadb' | 'mysql', readonly (readonly [string, string])[]> = {
  mariadb: [
    ['json', 'json'],
    ['longtext CHECK (char_length(`b``x`) < 9)', 'text'],
    ['uuid', 'uuid'],
    ['inet4', 'inet4 of mariadb'],
    ['inet6', 'inet6 of mariadb'],
  ],
  mysql: [
    ['json', 'jsonb'],
    ['vector(3)', 'vector(3)'],
    ['multipolygon', 'geometry multipolygon'],
  ],
};

describeMysql('the columns of a table', (server) => {
  async function read(definitions: string[]) {
    const database = await server.createDatabase();
    await queryMysql(database, `CREATE TABLE \`it's \\\\ a "table\` (${definitions.join(', ')})`);
    const connection = await MysqlConnection.open(database, { programName: 'weir tests' });
    onTestFinished(() => connection.close());
    const name = new URL(database).pathname.slice(1);
    const [[table] = []] = await queryMysql(
      database,
      `SELECT table_name FROM information_schema.tables WHERE table_schema = '${name}'`,
    );
    return readNativeColumns(connection, name, table!);
  }

  it('are of the logical types that their values need', async () => {
    const cases = [...EVERYWHERE, ...ONLY[server.flavour]];
    const columns = await read(
      cases.map(([sql], at) => `\`${sql.includes('`') ? 'b``x' : `c${at}`}\` ${sql}`),
    );
    expect(columns.map(({ type }) => showType(toLogical(type)))).toEqual(
      cases.map(([, shown]) => shown),
    );
  });

  it('tell which texts are equal to the server', async () => {
    const exact = server.flavour === 'mysql' ? 'utf8mb4_0900_bin' : 'utf8mb4_nopad_bin';
    const collations = ['utf8mb4_general_ci', 'utf8mb4_bin', exact, 'latin1_bin', 'ascii_bin'];
    const columns = await read([
      ...collations.map((each, at) => `v${at} varchar(9) COLLATE ${each}`),
      ...collations.map((each, at) => `c${at} char(9) COLLATE ${each}`),
    ]);
    const database = await server.createDatabase();
    const connection = await MysqlConnection.open(database, { programName: 'weir tests' });
    onTestFinished(() => connection.close());
    for (const { type } of columns) {
      const logical = toLogical(type);
      const comparison = logical.kind === 'string' ? logical.comparison : null;
      const make = `CREATE TABLE ${comparison}_${type.name}_${type.collation} (t ${type.text} COLLATE ${type.collation})`;
      await connection.run('making', make);
      const table = `${comparison}_${type.name}_${type.collation}`;
      await connection.run('writing', `INSERT INTO ${table} VALUES ('a'), ('a '), ('A')`);
      const [row] = await connection.query(
        'asking',
        `SELECT COUNT(DISTINCT t), COUNT(DISTINCT HEX(t)) FROM ${table}`,
      );
      // How many texts there are to the server, and how many by their bytes.
      const seen = { folded: '1', padded: '2', bytes: row?.[1] }[comparison!];
      expect([table, row?.[0]]).toEqual([table, seen]);
    }
  });

  it('have the labels that they were given, in their order', async () => {
    const labels = ['b', 'a', "it's", 'x\\y', 'two\nlines', 'ä€', '', 'a,b', '"', "''"];
    const list = (all: string[]): string =>
      all.map((each) => `'${each.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n')}'`).join(',');
    const inSet = labels.filter((each) => !each.includes(','));
    const columns = await read([`e enum(${list(labels)})`, `s set(${list(inSet)})`]);
    expect(columns.map(({ type }) => toLogical(type))).toEqual([
      { kind: 'enum', name: null, labels },
      { kind: 'set', labels: inSet },
    ]);
  });

  it('are refused where the catalog does not show a label as it is', async () => {
    const [column] = await read(["e enum('a', '😀')"]);
    expect(() => toLogical(column!.type)).toThrow(/cannot be told what its labels are/);
  });

  it('say what the server fills in itself', async () => {
    const columns = await read([
      'id int AUTO_INCREMENT PRIMARY KEY',
      'v int NOT NULL',
      'w int GENERATED ALWAYS AS (v + 1) VIRTUAL',
      'x int GENERATED ALWAYS AS (v + 2) STORED',
      'y int DEFAULT 3',
    ]);
    const facts = columns.map(({ name, nullable, generated, autoIncrement }) => [
      ...[name, nullable, generated, autoIncrement],
    ]);
    expect(facts).toEqual([
      ['id', false, false, true],
      ['v', false, false, false],
      ['w', true, true, false],
      ['x', true, true, false],
      ['y', true, false, false],
    ]);
  });
});
