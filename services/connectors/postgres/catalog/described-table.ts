import type { ColumnDefault, TableSchema } from '../../../../shared/schema/table-schema.ts';
import type { CatalogColumn, CatalogIndex, TableDetail } from './table-catalog.ts';
import type { TypeCatalog } from './type-catalog.ts';

/** A table in terms that other kinds of store understand. `key`: the index that tells its rows apart, where one does. */
export function describedTable(
  namespace: string,
  { columns, indexes, comment }: TableDetail,
  key: CatalogIndex | null,
  types: TypeCatalog,
): TableSchema {
  const named = (index: CatalogIndex): string[] =>
    index.columns.map((number) => columns.find((each) => each.number === number)?.name ?? '');
  const own = indexes.filter((index) => index.isOwn && index.isValid && index !== key);
  const isConstraint = (index: CatalogIndex): boolean => index.hasConstraint && index.isUsableKey;
  return {
    namespace,
    columns: columns.map((column) => ({
      name: column.name,
      logical: types.logical(column.typeOid, column.type, column.isFolded),
      native: column.type,
      nullable: !column.notNull,
      default: defaultOf(column),
      generated: column.isGenerated,
      comment: column.comment,
    })),
    key: key === null ? [] : named(key),
    uniques: own.filter(isConstraint).map((index) => ({ name: index.name, columns: named(index) })),
    indexes: own
      .filter((index) => !index.hasConstraint)
      .map((index) => ({
        name: index.name,
        columns: named(index).filter((name) => name !== ''),
        unique: index.isUnique,
        native: isPlain(index) ? null : index.definition,
      })),
    comment,
  };
}

const NAME = '(?:"(?:[^"]|"")*"|[a-z_][a-z0-9_$]*)';
const PLAIN_INDEX = new RegExp(` USING btree \\(${NAME}(?:, ${NAME})*\\)$`);

/** Columns alone say it. */
function isPlain({ definition, columns }: CatalogIndex): boolean {
  return PLAIN_INDEX.test(definition) && !columns.includes(0);
}

const NOW = /^(?:now\(\)|CURRENT_TIMESTAMP|transaction_timestamp\(\)|LOCALTIMESTAMP)$/;
/** As PostgreSQL prints a constant: with the type that it was given, and without escapes. */
const CONSTANT = /^'((?:[^'\\]|'')*)'::[^()']+(?:\([\d,]+\))?[^()']*$/;

function defaultOf({ default: text, identity, isGenerated }: CatalogColumn): ColumnDefault | null {
  if (isGenerated) return null;
  if (identity !== null) return { kind: 'identity', always: identity === 'always' };
  if (text === null || text.startsWith('NULL::')) return null;
  if (text.startsWith('nextval(')) return { kind: 'identity', always: false };
  if (NOW.test(text)) return { kind: 'now' };
  if (text === 'true' || text === 'false') return { kind: 'value', text: text.charAt(0) };
  const number = /^\(?(-?\d+(?:\.\d+)?)\)?$/.exec(text)?.[1];
  if (number !== undefined) return { kind: 'value', text: number };
  const constant = CONSTANT.exec(text)?.[1];
  if (constant !== undefined) return { kind: 'value', text: constant.replaceAll("''", "'") };
  return { kind: 'native', expression: text };
}
