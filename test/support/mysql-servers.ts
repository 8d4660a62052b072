import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { describe } from 'vitest';
import {
  findMariadb,
  findMysql,
  type MysqlBinaries,
  type MysqlFlavour,
} from '../../infra/mysql/mysql-binaries.ts';
import { startMysql, type MysqlOptions, type MysqlServer } from '../../infra/mysql/mysql-server.ts';
import { useServer } from './servers.ts';

export interface TestMysql {
  readonly flavour: MysqlFlavour;
  readonly binaries: MysqlBinaries;
  /** The server itself, for killing and restarting. */
  readonly server: MysqlServer;
  readonly url: string;
  /** Makes an empty database with a name of its own and gives its URL. */
  createDatabase(): Promise<string>;
}

/**
 * What a server's owner may have set for everybody and every session of Weir must undo: how values are printed, what a
 * statement means, how long it may take.
 */
const OF_A_PROVIDER: Record<MysqlFlavour, Record<string, string>> = {
  mariadb: {
    'sql-mode': 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH',
    'default-time-zone': '+05:45',
    'character-set-server': 'latin1',
    'transaction-isolation': 'SERIALIZABLE',
    autocommit: 'OFF',
    'wait-timeout': '40',
    'net-write-timeout': '20',
    'lock-wait-timeout': '20',
    'max-statement-time': '30',
  },
  mysql: {
    'sql-mode': 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES',
    'default-time-zone': '+05:45',
    'character-set-server': 'latin1',
    'transaction-isolation': 'SERIALIZABLE',
    autocommit: 'OFF',
    'wait-timeout': '40',
    'net-write-timeout': '20',
    'lock-wait-timeout': '20',
    'max-execution-time': '30000',
    'show-gipk-in-create-table-and-information-schema': 'OFF',
  },
};

const FIND: Record<MysqlFlavour, () => MysqlBinaries | undefined> = {
  mariadb: findMariadb,
  mysql: findMysql,
};
const NAMES: Record<MysqlFlavour, string> = { mariadb: 'MariaDB', mysql: 'MySQL' };

/** The tests of `body` against each kind of server; one that is not on this machine is left out, aloud. */
export function describeMysql(title: string, body: (server: TestMysql) => void): void {
  for (const flavour of ['mariadb', 'mysql'] as const) {
    const name = `${title}, on ${NAMES[flavour]}`;
    const binaries = FIND[flavour]();
    if (binaries !== undefined) describe(name, () => body(useMysql(binaries)));
    else {
      process.stderr.write(`left out: ${name} (there is no such server here)\n`);
      describe.skip(name, () => body(absent(flavour)));
    }
  }
}

function absent(flavour: MysqlFlavour): TestMysql {
  const never = (): never => {
    throw new Error(`there is no ${NAMES[flavour]} here`);
  };
  return {
    flavour,
    get binaries() {
      return never();
    },
    get server() {
      return never();
    },
    get url() {
      return never();
    },
    createDatabase: never,
  };
}

/** A server for all tests of a file, set up as an ordinary provider does. */
export function useMysql(
  binaries: MysqlBinaries,
  settings: MysqlOptions['settings'] = {},
): TestMysql {
  const { flavour } = binaries;
  const server = useServer(NAMES[flavour], () =>
    startMysql({ binaries, settings: { ...OF_A_PROVIDER[flavour], ...settings } }),
  );
  return {
    ...{ flavour, binaries },
    get server() {
      return server();
    },
    get url() {
      return server().urlOf('mysql');
    },
    async createDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await queryMysql(server().urlOf('mysql'), `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
      return server().urlOf(name);
    },
  };
}

/**
 * One connection with the ordinary settings of a client, one statement or several, the rows of the last one: values as the
 * server's own text (ask for the HEX of bytes), null where it is NULL.
 */
export async function queryMysql(
  url: string,
  ...statements: string[]
): Promise<(string | null)[][]> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const connection = await createConnection({
    ...{ host: hostname, port: Number(port), user: username, password },
    database: decodeURIComponent(pathname.slice(1)),
    ...{ charset: 'utf8mb4', rowsAsArray: true },
    typeCast: (field) => field.string(),
  });
  try {
    await connection.query(
      "SET autocommit = 1, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'",
    );
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    let rows: unknown;
    for (const statement of statements) [rows] = await connection.query(statement);
    return Array.isArray(rows) ? (rows as (string | null)[][]) : [];
  } finally {
    await connection.end();
  }
}
