import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');

/** Every source file with the files that it imports, by paths from the root. */
function readImports(): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const folder of ['shared', 'services', 'infra', 'test', 'proto'])
    for (const name of readdirSync(path.join(ROOT, folder), {
      recursive: true,
      encoding: 'utf8',
    })) {
      const file = path.posix.join(folder, name.split(path.sep).join('/'));
      if (!file.endsWith('.ts') || /(^|\/)(node_modules|dist)\//.test(file)) continue;
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      const named = text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g);
      const targets = [...named].map(([, to]) => path.posix.join(path.posix.dirname(file), to!));
      imports.set(file, targets);
    }
  return imports;
}

/** Files that import each other, in one group each (Tarjan's strongly connected components). */
function cyclesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    numbers.set(file, numbers.size);
    lowest.set(file, numbers.get(file)!);
    open.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!numbers.has(next)) visit(next);
      if (open.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== numbers.get(file)) return;
    const cycle = open.splice(open.indexOf(file));
    if (cycle.length > 1) cycles.push(cycle.sort());
  };
  for (const file of imports.keys()) if (!numbers.has(file)) visit(file);
  return cycles;
}

const POSTGRES = 'services/connectors/postgres';

/** Each room may import those before it. `served` and `verify` stand beside the sink and read as the source does. */
const ROOMS = [
  'connection',
  'types',
  'catalog',
  'source/snapshot',
  'source/log',
  'source',
  'sink/target',
  'sink/session',
  'sink/state',
  'sink/ddl',
  'sink/check',
  'sink/apply',
  'sink/documents',
  'sink/isolate',
  'sink/load',
  'sink/barrier',
  'sink/quarantine',
  'sink/plan',
  'sink/ordered',
  'sink',
  'verify',
  'served',
];

describe('imports', () => {
  const imports = readImports();

  it('no files import each other in a circle', () => {
    expect(cyclesOf(imports)).toEqual([]);
  });

  it('find a circle where there is one', () => {
    const some = new Map([['a', ['b']], ['b', ['c', 'd']], ['c', ['a']], ['d', []]]); // prettier-ignore
    expect(cyclesOf(some)).toEqual([['a', 'b', 'c']]);
  });

  it('every arrow between the rooms of PostgreSQL points the same way, and source never imports sink', () => {
    const roomOf = (file: string): string =>
      path.posix.relative(POSTGRES, path.posix.dirname(file));
    const inside = (file: string): boolean =>
      file.startsWith(`${POSTGRES}/`) && !file.endsWith('.test.ts') && roomOf(file) !== '';
    const wrong = [];
    for (const [file, targets] of imports)
      for (const target of inside(file) ? targets.filter(inside) : []) {
        const [from, to] = [roomOf(file), roomOf(target)];
        const isUpward = ROOMS.indexOf(to) > ROOMS.indexOf(from) || !ROOMS.includes(from);
        const isAcross = from.startsWith('source') !== to.startsWith('source') && /^s/.test(to) && /^source|^sink/.test(from); // prettier-ignore
        if (isUpward || isAcross) wrong.push(`${file} imports ${target}`);
      }
    expect(wrong).toEqual([]);
  });
});
