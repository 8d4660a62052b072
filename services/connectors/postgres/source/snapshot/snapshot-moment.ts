import type { SourceScope } from '../../../../../shared/connector/source.ts';
import { readCatalog, type Catalog, type SourceTable } from '../../catalog/catalog.ts';
import { type LeafStamp, readLeafStamps } from './leaf-stamp.ts';
import type { SnapshotReaders } from './snapshot-readers.ts';

/** The source as the snapshot sees it. */
export interface SnapshotMoment {
  /** The catalog's tables again: their shape may have changed while the slot was being made. */
  tables: SourceTable[];
  /** 32-bit id of the oldest transaction that the snapshot does not see the end of. */
  xmin: string;
  /** Of all leaves of the tables. */
  stamps: ReadonlyMap<number, LeafStamp>;
}

export async function readSnapshotMoment(
  readers: SnapshotReaders,
  catalog: Catalog,
  scope: SourceScope,
): Promise<SnapshotMoment> {
  return readers.use('reading the catalog', async (client) => {
    const published = new Set(catalog.tables.map((table) => table.oid));
    const seen = await readCatalog(client, scope.namespaces);
    const tables = seen.tables.filter((table) => published.has(table.oid));
    const leaves = tables.flatMap((table) => table.leaves.map(({ oid }) => oid));
    const stamps = await readLeafStamps(client, leaves);
    const { rows } = await client.query<{ xmin: string }>(
      'SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text AS xmin',
    );
    return { tables, stamps, xmin: rows[0]!.xmin };
  });
}
