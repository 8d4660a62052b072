import type { MysqlConnection } from '../connection/connection.ts';
import type { NativeType } from '../types/to-logical.ts';

export interface NativeColumn {
  name: string;
  type: NativeType;
  nullable: boolean;
  /** The server computes its value. */
  generated: boolean;
  autoIncrement: boolean;
}

/** A text between single quotes, for statements under the pinned `sql_mode`. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, (character) => `\\${character}`)}'`;
}

/** The columns of a table in their order; none where there is no such table, or no right to see it. */
export async function readNativeColumns(
  connection: MysqlConnection,
  database: string,
  table: string,
): Promise<NativeColumn[]> {
  const { flavour } = connection.version;
  const where = `TABLE_SCHEMA = ${quoted(database)} AND TABLE_NAME = ${quoted(table)}`;
  const hasSrid = flavour === 'mysql' && connection.version.number >= 80_000;
  const rows = await connection.query(
    'reading the columns',
    `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE,
       DATETIME_PRECISION, COLLATION_NAME, IS_NULLABLE, EXTRA, GENERATION_EXPRESSION, ${hasSrid ? 'SRS_ID' : 'NULL'}
     FROM information_schema.COLUMNS WHERE ${where} ORDER BY ORDINAL_POSITION`,
  );
  const checked = await readJsonChecks(connection, database, table);
  const toNumber = (text: string | null | undefined): number | null =>
    text === null || text === undefined ? null : Number(text);
  return rows.map(([name, data, text, ...more]) => {
    const [length, precision, scale, fraction, collation, nullable, extra, expression, srid] = more;
    return {
      name: name!,
      type: {
        ...{ flavour, name: data!.toLowerCase(), text: text!, collation: collation ?? null },
        ...{ length: toNumber(length), precision: toNumber(precision), scale: toNumber(scale) },
        ...{ fraction: toNumber(fraction), srid: toNumber(srid) },
        isCheckedJson: checked.has(name!),
      },
      nullable: nullable === 'YES',
      generated: (expression ?? '') !== '',
      autoIncrement: /\bauto_increment\b/i.test(extra ?? ''),
    };
  });
}

/** MariaDB makes `json` a text with this check, and one that was written by hand says the same. */
async function readJsonChecks(
  connection: MysqlConnection,
  database: string,
  table: string,
): Promise<Set<string>> {
  if (connection.version.flavour !== 'mariadb') return new Set();
  const rows = await connection.query(
    'reading the checks of columns',
    `SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = ${quoted(database)} AND TABLE_NAME = ${quoted(table)}`,
  );
  const names = rows.map(([clause]) => /^json_valid\(`((?:[^`]|``)+)`\)$/.exec(clause ?? '')?.[1]);
  return new Set(names.flatMap((name) => (name === undefined ? [] : [name.replaceAll('``', '`')])));
}
