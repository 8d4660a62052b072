import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../services/supervisor/embedded/project-root.ts';
import { findOnPath, isExecutable } from '../../services/supervisor/embedded/search-path.ts';

export type MysqlFlavour = 'mariadb' | 'mysql';

/** How to run a server of one installation, wherever it was unpacked. */
export interface MysqlBinaries {
  flavour: MysqlFlavour;
  command: string;
  /** What comes before the server's own arguments: with a C library of its own, the server is an argument of its loader. */
  leading: readonly string[];
  env: Readonly<Record<string, string>>;
  /** The folder of its messages and character sets. */
  share: string;
  plugins: string | undefined;
}

/** The MariaDB that WEIR_MARIADB_ROOT names (the folder that holds `usr`), that of this machine, or what the set-up has fetched. */
export function findMariadb(): MysqlBinaries | undefined {
  return find('mariadb', 'WEIR_MARIADB_ROOT', 'mariadb-server-core');
}

/** As `findMariadb`, of MySQL. */
export function findMysql(): MysqlBinaries | undefined {
  return find('mysql', 'WEIR_MYSQL_ROOT', 'mysql-server-core');
}

function find(flavour: MysqlFlavour, variable: string, cache: string): MysqlBinaries | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return unpackedIn(named, flavour);
  return installed(flavour) ?? unpackedIn(path.join(projectRoot(), '.weir', cache), flavour);
}

/** Both are called `mysqld`; only one of them `mariadbd`. */
function programOf(flavour: MysqlFlavour): string {
  return flavour === 'mariadb' ? 'mariadbd' : 'mysqld';
}

function installed(flavour: MysqlFlavour): MysqlBinaries | undefined {
  const program = findOnPath(programOf(flavour));
  if (program === undefined) return undefined;
  const usr = path.dirname(path.dirname(program));
  const share = shareOf(usr);
  if (share === undefined || isMariadb(share) !== (flavour === 'mariadb')) return undefined;
  return { flavour, command: program, leading: [], env: {}, share, plugins: undefined };
}

function unpackedIn(root: string, flavour: MysqlFlavour): MysqlBinaries | undefined {
  const usr = path.join(root, 'usr');
  const program = path.join(usr, 'sbin', programOf(flavour));
  const share = shareOf(usr);
  if (!isExecutable(program) || share === undefined) return undefined;
  const libraries = libraryFolders(root);
  const loader = libraries.map(loaderIn).find((each) => each !== undefined);
  const found = libraries.join(path.delimiter);
  const plugins = path.join(usr, 'lib', 'mysql', 'plugin');
  return {
    ...{ flavour, share },
    ...(loader === undefined
      ? { command: program, leading: [], env: { LD_LIBRARY_PATH: found } }
      : { command: loader, leading: ['--library-path', found, program], env: {} }),
    plugins: existsSync(plugins) ? plugins : undefined,
  };
}

function shareOf(usr: string): string | undefined {
  return ['mariadb', 'mysql']
    .map((name) => path.join(usr, 'share', name))
    .find((folder) => existsSync(path.join(folder, 'charsets')));
}

/** MySQL has its system tables in the program. */
function isMariadb(share: string): boolean {
  return systemTables(share).length > 0;
}

/** The scripts that make the system tables of a new MariaDB, in their order. */
export function systemTables(share: string): string[] {
  return ['system_tables', 'performance_tables', 'system_tables_data'].flatMap((name) =>
    ['mariadb', 'mysql']
      .map((prefix) => path.join(share, `${prefix}_${name}.sql`))
      .filter((file) => existsSync(file))
      .slice(0, 1),
  );
}

function libraryFolders(root: string): string[] {
  return ['usr/lib', 'lib'].flatMap((name) => {
    const folder = path.join(root, name);
    if (!existsSync(folder)) return [];
    const own = readdirSync(folder).filter((each) => each.endsWith('-linux-gnu'));
    const further = name === 'usr/lib' ? [path.join(folder, 'mysql', 'private')] : [];
    return [...own.map((each) => path.join(folder, each)), ...further];
  });
}

function loaderIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((each) => /^ld-linux-.*\.so\.\d+$/.test(each));
  return name === undefined ? undefined : path.join(folder, name);
}
