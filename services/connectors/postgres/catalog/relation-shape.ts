import type {
  Identity,
  Relation,
  RouteForm,
  RoutePart,
} from '../../../../shared/change/relation.ts';
import { KEY_FORMS } from '../../../../shared/row/key-form/key-form.ts';
import type { CatalogColumn, CatalogIndex, TableDetail } from './table-catalog.ts';
import type { ListedTable, ReplicaIdentity } from './table-list.ts';
import type { TypeCatalog } from './type-catalog.ts';

/**
 * How rows of a table are told apart, which is decided by what the log holds of the old row: the key columns of the
 * replica identity, or all columns (FULL), or nothing. With nothing, only inserts can be followed.
 */
export interface TableIdentity {
  identity: Identity;
  /** The index behind the key, where there is one. */
  index: CatalogIndex | null;
  /** Why it is `none`, and what to do; null otherwise. */
  problem: string | null;
}

export function identityOf(table: ListedTable, detail: TableDetail): TableIdentity {
  const sql = `ALTER TABLE ${table.namespace} REPLICA IDENTITY`;
  const none = (problem: string): TableIdentity => ({ identity: 'none', index: null, problem });
  const indexes = detail.indexes.filter((index) => index.isOwn);
  const isWhole = (index: CatalogIndex): boolean => computedOf(index, detail.columns) === undefined;
  const primary =
    indexes.find((index) => index.isPrimary && index.isUsableKey && isWhole(index)) ?? null;
  // A key is whole or there is none: rows that differ in the rest of it would be taken for one another.
  const key = (index: CatalogIndex): TableIdentity => ({ identity: 'key', index, problem: null });
  const partial = (index: CatalogIndex): TableIdentity =>
    none(
      `the key ${index.name} of ${table.namespace} has the generated column ${computedOf(index, detail.columns)!.name}, which is not in the log; ${sql} FULL, or give the table a key of ordinary columns`,
    );
  const logged = loggedIdentity(table);
  switch (logged) {
    case 'mixed':
      return none(
        `the partitions of ${table.namespace} have different replica identities; give them all the same one with ALTER TABLE … REPLICA IDENTITY`,
      );
    case 'n':
      return none(
        `the replica identity of ${table.namespace} is NOTHING; ${primary ? `${sql} DEFAULT` : `add a primary key, or ${sql} FULL`}`,
      );
    case 'd': {
      if (primary) return key(primary);
      const computed = indexes.find((index) => index.isPrimary && !isWhole(index));
      if (computed) return partial(computed);
      return none(
        `${table.namespace} has no primary key${indexes.some((i) => i.isPrimary) ? ' that is checked at once (it is deferrable)' : ''}; add one, or ${sql} FULL`,
      );
    }
    case 'i': {
      const index = indexes.find((i) => i.isReplicaIdentity && i.isUsableKey);
      if (index) return isWhole(index) ? key(index) : partial(index);
      return none(`the replica identity index of ${table.namespace} is gone; ${sql} FULL`);
    }
    case 'f': {
      const [index] = rowKeys(detail);
      return index ? key(index) : { identity: 'row', index: null, problem: null };
    }
  }
}

/** Rows of a partitioned table are logged as their partition says, not the root. */
function loggedIdentity(table: ListedTable): ReplicaIdentity | 'mixed' {
  if (table.kind !== 'p' || table.leafIdentities.length === 0) return table.replicaIdentity;
  const all = new Set([table.replicaIdentity, ...table.leafIdentities]);
  const [one] = all;
  if (all.size === 1 && one !== 'i') return one!;
  if (table.leafIdentities.length === 1 && table.leafIdentities[0] === 'n') return 'n';
  return 'mixed';
}

/** The indexes that can tell rows apart where the log holds whole rows, the primary key first. */
export function rowKeys({ indexes, columns }: TableDetail): CatalogIndex[] {
  const fit = indexes.filter(
    (index) =>
      index.isOwn &&
      index.isUsableKey &&
      index.columns.every((number) => {
        const column = columns.find((c) => c.number === number);
        return column?.notNull === true && !column.isGenerated;
      }),
  );
  return [...fit.filter((i) => i.isPrimary), ...fit.filter((i) => !i.isPrimary)];
}

function computedOf(
  index: CatalogIndex,
  columns: readonly CatalogColumn[],
): CatalogColumn | undefined {
  return columns.find((column) => column.isGenerated && index.columns.includes(column.number));
}

/**
 * The relation of a table. Changes of one key always keep their order; between keys the order matters only where
 * a value can move from row to row (another unique index). Rows without a key are told apart by all their values, so that
 * an update is a delete and an insert, between which any unique index makes the order matter; where only inserts are
 * followed there is none.
 */
export function relationOf(
  table: ListedTable,
  detail: TableDetail,
  { identity, index }: TableIdentity,
  types: TypeCatalog,
  encoding: 'binary' | 'text',
): Relation {
  const carried = carriedColumns(detail);
  const keyNumbers = index?.columns ?? [];
  const key = carried.flatMap((c, i) => (keyNumbers.includes(c.number) ? [i] : []));
  const exactKey =
    identity !== 'key' ||
    (index!.isDeterministic &&
      key.every((i) => types.isEqualByBytes(carried[i]!.typeOid, carried[i]!.typmod)));
  const spread =
    identity === 'none' ||
    detail.indexes.every((i) => !i.isExclusion && (i === index || !i.isUnique));
  return {
    namespace: table.namespace,
    columns: carried.map(({ name, type }) => ({ name, type, encoding })),
    key,
    identity,
    order: spread ? 'key' : 'namespace',
    route: routeOf({ identity, key }, keyForms(detail, types)),
    ...(exactKey ? {} : { looseKey: true }),
  };
}

function carriedColumns({ columns }: TableDetail): CatalogColumn[] {
  return columns.filter((column) => !column.isGenerated);
}

/** The normal form of each carried column in a key, by the column's collation and those of its indexes. */
export function keyForms(detail: TableDetail, types: TypeCatalog): (RouteForm | null)[] {
  const folding = detail.indexes.filter((index) => !index.isDeterministic);
  return carriedColumns(detail).map(({ number, typeOid: oid, typmod, type: text, isFolded }) => {
    const folded = isFolded || folding.some(({ columns }) => columns.includes(number));
    return types.keyForm({ oid, typmod, text, folded });
  });
}

/**
 * The route of a relation whose columns have these forms. Of rows that are told apart by all their values only such as are
 * their bytes in binary: there are more than enough of them, and rows are longer than keys.
 */
export function routeOf(
  { identity, key }: Pick<Relation, 'identity' | 'key'>,
  forms: readonly (RouteForm | null)[],
): RoutePart[] {
  return forms.flatMap((form, column) => {
    const takesPart = identity === 'key' ? key.includes(column) : form !== null && isBytes(form);
    return form === null || !takesPart ? [] : [{ column, form }];
  });
}

function isBytes(form: RouteForm): boolean {
  return KEY_FORMS[form].binary === null;
}
