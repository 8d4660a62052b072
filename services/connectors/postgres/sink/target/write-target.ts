import type { Relation } from '../../../../../shared/change/relation.ts';
import { WeirError } from '../../../../../shared/errors/weir-error.ts';
import { compareTable } from './compare-table.ts';
import { quoteIdent } from '../../connection/names.ts';
import { findKeyIndex, type TargetTable } from './target-table.ts';
import { rowsOf } from '../../catalog/table-rows.ts';
import type { TargetName } from './target-names.ts';

/** A relation as it is written at the target. */
export interface WriteTarget {
  name: TargetName;
  /** The table in statements about rows that are there: `rowsOf`. */
  rows: string;
  columns: WriteColumn[];
  /** What is deleted may be gone already: see `TargetTable`. */
  losesRows: boolean;
  /** Indexes into `columns`, with the operator that compares them as the target's index does. */
  key: { column: number; equals: string }[];
  /**
   * `merge`: INSERT … ON CONFLICT. `replace`: delete the key, then insert, because further unique columns (which may
   * come later than the rows) hand values from row to row within a batch, a column takes no update, or a rule rules ON CONFLICT out. `multiset`: equal rows are interchangeable. `append`: inserts only.
   */
  method: 'merge' | 'replace' | 'multiset' | 'append';
}

export interface WriteColumn {
  /** Quoted. */
  name: string;
  /** The target's type. */
  type: string;
  /** See `TargetColumn`. */
  cast: string;
  encoding: 'binary' | 'text';
  /** See `TargetColumn`. */
  insertOnly: boolean;
}

/** Throws TARGET_UNFIT if the table cannot take the relation. */
export function toWriteTarget(
  relation: Relation,
  name: TargetName,
  table: TargetTable | null,
): WriteTarget {
  const problems =
    table === null
      ? [`the table ${name.namespace} does not exist at the target; create it`]
      : compareTable(relation, name, table);
  if (table === null || problems.length > 0)
    throw new WeirError('TARGET_UNFIT', problems.join('; '));
  const columns = relation.columns.map(({ name: column, encoding }) => {
    const { type, cast, insertOnly } = table.columns.find((each) => each.name === column)!;
    return { name: quoteIdent(column), type, cast, encoding, insertOnly };
  });
  const rows = rowsOf(name.sql, table.kind);
  const { losesRows } = table;
  if (relation.identity !== 'key') {
    const method = relation.identity === 'row' ? 'multiset' : 'append';
    return { name, rows, columns, losesRows, key: [], method };
  }
  const names = relation.key.map((i) => relation.columns[i]!.name);
  const index = findKeyIndex(table, names)!;
  const further =
    relation.order === 'namespace' ||
    !table.merges ||
    table.indexes.some((each) => each !== index) ||
    columns.some((column, i) => column.insertOnly && !relation.key.includes(i));
  return {
    name,
    rows,
    columns,
    losesRows,
    key: relation.key.map((column, i) => ({
      column,
      equals: index.equals[index.columns.indexOf(names[i]!)] ?? 'OPERATOR(pg_catalog.=)',
    })),
    method: further || !index.immediate ? 'replace' : 'merge',
  };
}
