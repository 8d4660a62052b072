import { dumpTables } from '../support/psql.ts';

const SHOWN = 5;

/** What one end has and the other has not, row by row as the databases write them; how often counts too. */
export async function differences(
  sourceUrl: string,
  targetUrl: string,
  tables: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  const [source, target] = await Promise.all([
    dumpTables(sourceUrl, tables),
    dumpTables(targetUrl, tables),
  ]);
  for (const [i, table] of tables.entries()) {
    found.push(...surplus(source[i]!, target[i]!, `${table}: lost`));
    found.push(...surplus(target[i]!, source[i]!, `${table}: too much`));
  }
  return found;
}

/** Lines of `left` that `right` has less often. */
function surplus(left: readonly string[], right: readonly string[], what: string): string[] {
  const counts = new Map<string, number>();
  for (const line of right) counts.set(line, (counts.get(line) ?? 0) + 1);
  const lines = left.filter((line) => {
    const rest = (counts.get(line) ?? 0) - 1;
    counts.set(line, rest);
    return rest < 0;
  });
  if (lines.length === 0) return [];
  const shown = lines.slice(0, SHOWN).map((line) => line.slice(0, 160));
  return [`${what} ${lines.length} of ${left.length} rows, such as\n  ${shown.join('\n  ')}`];
}
