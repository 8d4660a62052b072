import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { SHOP_TABLES } from '../../infra/demo/shop.ts';
import { asOrdinaryRole } from './ordinary-role.ts';
import { dumpTables } from './psql.ts';
import { queryPostgres, type TestPostgres } from './servers.ts';

export interface TestPipeline {
  name: string;
  file: string;
  sourceUrl: string;
  targetUrl: string;
}

let made = 0;

/**
 * A pipeline file between two new databases, with whatever else the test wants in it; removed after the test. Its URLs
 * are those of a role as people have them (`asOrdinaryRole`), or what `as` makes of the superuser's.
 */
export async function createPipeline(
  source: TestPostgres,
  target: TestPostgres,
  { source: ofSource, ...more }: Record<string, unknown> & { source?: object } = {},
  as?: (url: string) => string | Promise<string>,
): Promise<TestPipeline> {
  const name = `e2e-${process.pid}-${++made}`;
  const sourceUrl = await source.createDatabase();
  const targetUrl = await target.createDatabase();
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'pipeline.yaml');
  const toRole = as ?? asOrdinaryRole;
  const ends = {
    source: { url: await toRole(sourceUrl), ...ofSource },
    target: { url: await toRole(targetUrl) },
  };
  const spec = { name, ...ends, ...more };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(spec, null, 2));
  return { name, file, sourceUrl, targetUrl };
}

/** Equal by the databases' own text output, every table of the shop. */
export async function expectShopEqual({ sourceUrl, targetUrl }: TestPipeline): Promise<void> {
  const tables = Object.keys(SHOP_TABLES);
  const [source, target] = await Promise.all([
    dumpTables(sourceUrl, tables),
    dumpTables(targetUrl, tables),
  ]);
  for (const [i, table] of tables.entries())
    expect(differing(source[i]!, target[i]!), table).toEqual([]);
}

/** Lines that only one of two sorted lists has, the first few: a whole dump in a failure helps nobody. */
function differing(source: readonly string[], target: readonly string[]): string[] {
  const count = (lines: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  };
  const left = count(source);
  const right = count(target);
  const found: string[] = [];
  for (const [line, n] of left)
    if ((right.get(line) ?? 0) < n) found.push(`missing at the target: ${line.slice(0, 200)}`);
  for (const [line, n] of right)
    if ((left.get(line) ?? 0) < n) found.push(`only at the target: ${line.slice(0, 200)}`);
  return found.slice(0, 10);
}

/** Rows that were ever put into the table at the target, those of transactions that were rolled back too. */
export async function rowsWritten(url: string, schema: string, table: string): Promise<number> {
  const rows = await queryPostgres(
    url,
    'SELECT n_tup_ins::int AS n FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2',
    [schema, table],
  );
  return Number(rows[0]?.['n'] ?? 0);
}

export async function countRows(url: string, query: string): Promise<number> {
  const rows = await queryPostgres(url, `SELECT (${query})::int AS n`);
  return Number(rows[0]?.['n'] ?? 0);
}
