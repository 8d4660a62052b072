import type { Identity, Relation } from '../../../shared/change/relation.ts';
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
  const primary = indexes.find((index) => index.isPrimary && index.isUsableKey) ?? null;
  const key = (index: CatalogIndex): TableIdentity => ({ identity: 'key', index, problem: null });
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
    case 'd':
      if (primary) return key(primary);
      return none(
        `${table.namespace} has no primary key${indexes.some((i) => i.isPrimary) ? ' that is checked at once (it is deferrable)' : ''}; add one, or ${sql} FULL`,
      );
    case 'i': {
      const index = indexes.find((i) => i.isReplicaIdentity && i.isUsableKey);
      if (index) return key(index);
      return none(`the replica identity index of ${table.namespace} is gone; ${sql} FULL`);
    }
    case 'f': {
      const index = primary ?? indexes.find((i) => isRowKey(i, detail.columns));
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

function isRowKey(index: CatalogIndex, columns: readonly CatalogColumn[]): boolean {
  return (
    index.isUsableKey &&
    index.columns.every((number) => columns.find((c) => c.number === number)?.notNull === true)
  );
}

/**
 * The relation of a table. Changes of one key always keep their order; between keys the order matters only where
 * a value can move from row to row (another unique index), or where equal keys may differ in bytes (1.0 and 1.00).
 */
export function relationOf(
  table: ListedTable,
  detail: TableDetail,
  { identity, index }: TableIdentity,
  types: TypeCatalog,
  encoding: 'binary' | 'text',
): Relation {
  const carried = detail.columns.filter((column) => !column.isGenerated);
  const keyNumbers = index?.columns ?? [];
  const key = carried.flatMap((c, i) => (keyNumbers.includes(c.number) ? [i] : []));
  const exactKey =
    identity !== 'key' ||
    (index!.isDeterministic && key.every((i) => types.isEqualByBytes(carried[i]!.typeOid)));
  const spread =
    identity !== 'key' ||
    (exactKey && detail.indexes.every((i) => !i.isExclusion && (i === index || !i.isUnique)));
  return {
    namespace: table.namespace,
    columns: carried.map(({ name, type }) => ({ name, type, encoding })),
    key,
    identity,
    order: spread ? 'key' : 'namespace',
    ...(exactKey ? {} : { looseKey: true }),
  };
}
