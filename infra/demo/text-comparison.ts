import { createHash } from 'node:crypto';
import type pg from 'pg';
import { openDatabase } from './database.ts';

export interface TextComparison {
  table: string;
  equal: boolean;
  rows: number;
}

interface TextDigest {
  digest: string;
  rows: number;
}

/**
 * Compares tables by the database's own text: SHA-256 over an ordered `COPY … TO STDOUT` of both ends. Knows nothing
 * of Weir and shares no code with `weir verify`, so that a mistake there cannot hide here. `tables` gives for each
 * table what orders its rows.
 */
export async function compareAsText(
  sourceUrl: string,
  targetUrl: string,
  tables: Readonly<Record<string, string>>,
): Promise<TextComparison[]> {
  const source = await openDatabase(sourceUrl);
  const target = await openDatabase(targetUrl);
  try {
    const results: TextComparison[] = [];
    for (const [table, order] of Object.entries(tables)) {
      const copy = `COPY (SELECT ${await columnsOf(source, table)} FROM ${table} ORDER BY ${order}) TO STDOUT`;
      const [left, right] = await Promise.all([
        digest(source, copy),
        digest(target, copy).catch(absent),
      ]);
      results.push({ table, equal: left.digest === right?.digest, rows: left.rows });
    }
    return results;
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}

/** A table or column that the target does not have is a difference, not a failure. */
function absent(error: unknown): null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === '42P01' || code === '42703') return null;
  throw error;
}

/** By name and in the source's order: the target may have made its columns in another one. */
async function columnsOf(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  return rows[0]!.columns;
}

/** Speaks COPY on `pg`'s own connection: it hands each piece on as it comes, so memory stays small. */
function digest(client: pg.Client, copy: string): Promise<TextDigest> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    let rows = 0;
    client.query({
      submit: (connection: pg.Connection) => connection.query(copy),
      handleCopyData: ({ chunk }: { chunk: Buffer }) => hash.update(chunk),
      handleCommandComplete: ({ text }: { text: string }) => {
        rows = Number(text.replace('COPY ', ''));
      },
      handleError: (error: Error) => {
        failure = error;
        // Without a connection nothing else will come.
        reject(error);
      },
      handleReadyForQuery: () => {
        if (failure === undefined) resolve({ digest: hash.digest('hex'), rows });
      },
    } as pg.Submittable);
  });
}
