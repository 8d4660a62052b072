import type { WriteTarget } from '../target/write-target.ts';

/** What a staging table holds: whole rows, rows with a mask of unchanged columns, or what is to be deleted. */
export type StagingUse = 'rows' | 'masked' | 'deletes';

/**
 * The SQL of one relation: how its staging tables look and how they are carried into the target. Staged columns are
 * called c0, c1, … as in the tuple, and k0, k1, … for the key; the mask is m.
 *
 * A column that travels as text is staged as text and cast here; the others are staged as what they are.
 */
export interface WriteStatements {
  /** All staging tables that this relation may have. */
  tables: string[];
  table(use: StagingUse): string;
  create(use: StagingUse): string;
  copy(use: StagingUse): string;
  /** For another use in the same transaction; a commit empties it too. */
  empty(use: StagingUse): string;
  /** Deletes the staged keys. */
  deleteKeys: string;
  /** Deletes the keys of the staged rows. */
  deleteRows: string;
  /** Deletes one equal row for each staged one. */
  deleteEqual: string;
  insert: string;
  /** How many of the staged rows have one of their key there: a query. */
  there: string;
  /** The same where a row of the key must not be there. */
  insertNew: string;
  /** Changes what is not unchanged in the rows that are there; others are dropped. */
  update: string;
  /** Adds the masked rows to the staged ones, completed from the target by key. */
  complete: string;
  /**
   * The same for one row whose key was the staged one: from the row of the new key, else of the old. There is a row of
   * the new key only where changes come again after an interrupted copy: then the row has moved already, and the old
   * key may belong to another one by now.
   */
  completeMoved: string;
}

/** `staged` gives of a staging table what is carried into the target: all that it holds, or a part. */
export function toWriteStatements(
  target: WriteTarget,
  id: number,
  staged: (table: string) => string = (table) => table,
): WriteStatements {
  const { columns, key, name, rows } = target;
  const table = (use: StagingUse): string => `pg_temp.weir_${use}_${id}`;
  const from = (use: StagingUse): string => staged(table(use));
  const names = columns.map((column) => column.name).join(', ');
  const stagedType = (i: number): string =>
    columns[i]!.encoding === 'text' ? 'text' : columns[i]!.type;
  const value = (i: number, from = `s.c${i}`): string =>
    columns[i]!.encoding === 'text' ? `${from}::${columns[i]!.cast}` : from;
  const values = columns.map((_, i) => value(i)).join(', ');
  const byKey = (wanted: (column: number, at: number) => string): string =>
    key
      .map(({ column, equals }, at) => `t.${columns[column]!.name} ${equals} ${wanted(column, at)}`)
      .join(' AND ');
  const wholeRow = columns.map((_, i) => `c${i} ${stagedType(i)}`);
  const keys = key.map(({ column }, at) => `k${at} ${stagedType(column)}`);
  const multiset = target.method === 'multiset';
  const shapes: Record<StagingUse, string[]> = {
    rows: wholeRow,
    masked: [...wholeRow, 'm bytea'],
    deletes: multiset ? wholeRow : keys,
  };
  const isUnchanged = (i: number): string => `get_bit(s.m, ${i}) = 1`;
  const keptAsStaged = (i: number, from: string): string =>
    columns[i]!.encoding === 'text' ? `${from}::text` : from;
  const completed = (from: (i: number) => string): string =>
    columns
      .map(
        (_, i) => `CASE WHEN ${isUnchanged(i)} THEN ${keptAsStaged(i, from(i))} ELSE s.c${i} END`,
      )
      .join(', ');
  const oldKey = byKey((column, at) => value(column, `d.k${at}`));
  const newKey = byKey((column) => value(column));
  const source = columns.map((column, i) => `t.${column.name} AS v${i}`).join(', ');
  const rest = columns.map((_, i) => i).filter((i) => !key.some(({ column }) => column === i));

  const insertNew = `INSERT INTO ${name.sql} (${names}) OVERRIDING SYSTEM VALUE SELECT ${values} FROM ${from('rows')} s`;

  return {
    tables: (['rows', 'masked', 'deletes'] as const).map(table),
    table,
    create: (use) =>
      `CREATE TEMP TABLE weir_${use}_${id} (${shapes[use].join(', ')}) ON COMMIT DELETE ROWS`,
    copy: (use) => `COPY ${table(use)} FROM STDIN (FORMAT binary)`,
    empty: (use) => `TRUNCATE ${table(use)}`,
    deleteKeys: `DELETE FROM ${rows} t USING ${from('deletes')} d WHERE ${oldKey}`,
    deleteRows: `DELETE FROM ${rows} t USING ${from('rows')} s WHERE ${newKey}`,
    deleteEqual: multiset ? deleteEqual(target, from('deletes'), values) : '',
    insert: insertNew + (target.method === 'merge' ? onConflict(target, rest) : ''),
    there: `SELECT count(*) FROM ${from('rows')} s JOIN ${rows} t ON ${newKey}`,
    insertNew,
    update: `UPDATE ${rows} t SET ${rest
      .map((i) => {
        const column = columns[i]!.name;
        return `${column} = CASE WHEN ${isUnchanged(i)} THEN t.${column} ELSE ${value(i)} END`;
      })
      .join(', ')} FROM ${from('masked')} s WHERE ${newKey}`,
    complete: `INSERT INTO ${table('rows')} SELECT ${completed((i) => `t.${columns[i]!.name}`)} FROM ${from('masked')} s JOIN ${rows} t ON ${newKey}`,
    completeMoved: `INSERT INTO ${table('rows')} SELECT ${completed((i) => `f.v${i}`)} FROM ${from('masked')} s CROSS JOIN ${from('deletes')} d CROSS JOIN LATERAL (SELECT ${source}, 1 AS preference FROM ${rows} t WHERE ${newKey} UNION ALL SELECT ${source}, 2 FROM ${rows} t WHERE ${oldKey} ORDER BY preference LIMIT 1) f`,
  };
}

/** For an insert of whole rows into a target that merges; `rest`: the columns outside of the key. */
export function onConflict(target: WriteTarget, rest: readonly number[]): string {
  const key = target.key.map(({ column }) => target.columns[column]!.name).join(', ');
  if (rest.length === 0) return ` ON CONFLICT (${key}) DO NOTHING`;
  const sets = rest.map((i) => {
    const { name } = target.columns[i]!;
    return `${name} = excluded.${name}`;
  });
  return ` ON CONFLICT (${key}) DO UPDATE SET ${sets.join(', ')}`;
}

/**
 * Rows without a key are equal if they print equal (so NULLs are, and types without an equality operator compare);
 * of n equal ones asked for, n go. A partitioned table's rows are told apart by partition and place.
 */
function deleteEqual(target: WriteTarget, staged: string, values: string): string {
  const there = target.columns.map((column) => `t.${column.name}`).join(', ');
  return `WITH want AS MATERIALIZED (
  SELECT ROW(${values})::text COLLATE "C" AS r, count(*) AS n FROM ${staged} s GROUP BY 1
), have AS (
  SELECT x.o, x.c, x.r, row_number() OVER (PARTITION BY x.r) AS k
  FROM (SELECT t.tableoid AS o, t.ctid AS c, ROW(${there})::text COLLATE "C" AS r FROM ${target.rows} t) x
  WHERE x.r IN (SELECT r FROM want)
) DELETE FROM ${target.rows} t USING have JOIN want ON want.r = have.r
WHERE t.tableoid = have.o AND t.ctid = have.c AND have.k <= want.n`;
}
