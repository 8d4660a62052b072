import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { spawnPsql } from './psql.ts';
import { awaitSuccess } from './child-success.ts';

/** Fails unless the table holds the same rows at both ends, by what the databases themselves print in key order. */
export async function requireEqual(
  sourceUrl: string,
  targetUrl: string,
  table: string,
  signal: AbortSignal,
): Promise<void> {
  const [source, target] = await Promise.all([
    dumpHash(sourceUrl, table, signal),
    dumpHash(targetUrl, table, signal),
  ]);
  if (source.hash === target.hash) return;
  throw new Error(
    `${table} differs: ${source.bytes} bytes of text at the source, ${target.bytes} at the target`,
  );
}

async function dumpHash(url: string, table: string, signal: AbortSignal) {
  const child = spawnPsql(url, `COPY (SELECT * FROM ${table} ORDER BY id) TO STDOUT`, signal);
  const hash = createHash('sha256');
  let bytes = 0;
  (child.stdout as Readable).on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  await awaitSuccess(child, 'psql');
  return { hash: hash.digest('hex'), bytes };
}
