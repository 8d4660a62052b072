import type pg from 'pg';
import type { Relation } from '../../../../shared/change/relation.ts';
import { TupleSplitter } from '../../../../shared/change/tuple-splitter.ts';
import type { EndOptions } from '../../../../shared/connector/end-options.ts';
import type { RowReader } from '../../../../shared/connector/row-reader.ts';
import { isAbort } from '../../../../shared/errors/weir-error.ts';
import { readCatalog, readHeldTables, type SourceTable } from '../catalog/catalog.ts';
import { outputText } from '../source/snapshot/chunk-plan.ts';
import { connect, describeServer, disconnect } from '../connection/connection.ts';
import { CopiedTuples } from '../source/snapshot/copied-tuples.ts';
import { copyOut } from '../source/snapshot/copy-out.ts';
import { toSqlName } from '../connection/names.ts';
import { toPostgresError } from '../connection/postgres-error.ts';
import { readRowsOf } from '../catalog/table-rows.ts';
import { carriedRows } from './verifier.ts';

/** Rows of tables as text, each table by one statement and so of one moment. */
export function createPostgresRowReader({ pipeline, url, log }: EndOptions): RowReader {
  const carried = new Map<string, string>();

  const run = async <T>(doing: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = await connect(url, { applicationName: `weir verify ${pipeline}` });
    try {
      return await work(client);
    } catch (error) {
      if (isAbort(error)) throw error;
      throw toPostgresError(error, `${doing} at ${describeServer(url)}`);
    } finally {
      await disconnect(client);
    }
  };

  return {
    relations: (end, namespaces) =>
      run('reading the catalog', async (client) => {
        if (end === 'target') return (await readHeldTables(client)).map(asText);
        const { tables, findings } = await readCatalog(client, namespaces);
        for (const { subject, message } of findings) log.warn({ subject }, message);
        for (const table of tables)
          if (table.leftOut.length > 0) carried.set(table.namespace, carriedRows(table));
        return tables.map(asText);
      }),

    read: ({ namespace, columns }, take, signal) =>
      run(`reading ${namespace}`, async (client) => {
        const [all] = await readRowsOf(client, [toSqlName(namespace)]);
        const from = carried.get(namespace) ?? all!;
        const rows = new CopiedTuples();
        const splitter = new TupleSplitter();
        const sql = `COPY (SELECT ${columns.map(outputText).join(', ')} FROM ${from} t) TO STDOUT (FORMAT binary)`;
        const receive = (bytes: Buffer): void => {
          for (const tuple of splitter.take(rows.take(bytes))) take(tuple);
        };
        await copyOut(client, sql, receive, signal);
      }),

    close: () => Promise.resolve(),
  };
}

function asText({ relation }: SourceTable): Relation {
  const columns = relation.columns.map((column) => ({ ...column, encoding: 'text' as const }));
  return { ...relation, columns };
}
