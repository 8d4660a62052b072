import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { awaitSuccess } from './child-success.ts';
import type { DataSet } from './data/data-set.ts';
import { spawnPsql } from './psql.ts';

/** Fails unless all tables hold the same rows at both ends, by what the databases themselves print in one order. */
export async function requireEqual(
  sourceUrl: string,
  targetUrl: string,
  data: DataSet,
  signal: AbortSignal,
): Promise<void> {
  const [source, target] = await Promise.all([
    dumpHash(sourceUrl, data, signal),
    dumpHash(targetUrl, data, signal),
  ]);
  if (source.hash === target.hash) return;
  const [first] = data.tables;
  const name = data.tables.length === 1 ? first!.name : `one of ${data.tables.length} tables`;
  throw new Error(
    `${name} differs: ${source.bytes} bytes of text at the source, ${target.bytes} at the target`,
  );
}

async function dumpHash(url: string, data: DataSet, signal: AbortSignal) {
  const child = spawnPsql(
    url,
    data.tables.map(
      ({ name, order }) => `COPY (SELECT * FROM ${name} ORDER BY ${order}) TO STDOUT`,
    ),
    signal,
  );
  const hash = createHash('sha256');
  let bytes = 0;
  (child.stdout as Readable).on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  await awaitSuccess(child, 'psql');
  return { hash: hash.digest('hex'), bytes };
}
