import type pg from 'pg';
import { WeirError } from '../../../../shared/errors/weir-error.ts';
import { readTables, type SourceTable } from '../catalog/catalog.ts';
import type { ControlConnection } from '../connection/control-connection.ts';
import { publicationNames } from './publication.ts';
import { readStructureMark } from '../catalog/table-record.ts';
import { requireInPlace, type PlacedTable } from './table-places.ts';

/** Looks at the tables of a pipeline in the catalog, again and again, and reads them only where anything has changed. */
export class StructureWatch {
  readonly #control: ControlConnection;
  readonly #pipeline: string;
  readonly #tables: readonly PlacedTable[];
  #mark: string | null = null;

  constructor(control: ControlConnection, pipeline: string, tables: readonly PlacedTable[]) {
    this.#control = control;
    this.#pipeline = pipeline;
    this.#tables = tables.map(({ namespace, oid }) => ({ namespace, oid }));
  }

  /** The next look reads everything again. */
  forget(): void {
    this.#mark = null;
  }

  /** The tables as they are now; null where nothing has changed since the last time. Throws where one is gone. */
  async read(): Promise<SourceTable[] | null> {
    return this.#control.run('looking for changes of structure', async (client) => {
      const oids = this.#tables.map(({ oid }) => oid);
      // Before the tables: what changes in between is found the next time.
      const mark = await readStructureMark(client, oids);
      if (mark === this.#mark) return null;
      const unpublished = await this.#readUnpublished(client);
      // One that is gone is in no publication either, and that says more.
      await requireInPlace(client, this.#pipeline, this.#tables);
      if (unpublished.length > 0) throw takenOut(unpublished);
      const tables = await readTables(client, oids);
      this.#mark = mark;
      return tables;
    });
  }

  async #readUnpublished(client: pg.Client): Promise<PlacedTable[]> {
    const { changes, inserts } = publicationNames(this.#pipeline);
    const { rows } = await client.query<{ oid: number }>(
      `SELECT r.prrelid AS oid FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
       WHERE p.pubname IN ($1, $2)`,
      [changes, inserts],
    );
    const published = new Set(rows.map(({ oid }) => oid));
    return this.#tables.filter(({ oid }) => !published.has(oid));
  }
}

function takenOut(tables: readonly PlacedTable[]): WeirError {
  return new WeirError(
    'POSITION_LOST',
    `${tables.map(({ namespace }) => namespace).join(', ')} was taken out of the publications of this pipeline at the source, so changes made since cannot be read; run \`weir reset\` and copy again.`,
  );
}
