import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return (
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      // What a package is made of, while it is packed.
      .filter((file) => !file.split(path.sep).includes('dist'))
      .map((file) => path.join(folder, file))
  );
}

/** Comments may say where a format comes from; code may not know. */
function code(file: string): string {
  return (
    readFileSync(path.join(ROOT, file), 'utf8')
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/^\s*\/\/.*$/gm, '')
      // A name of the open protocol, for a form of data that is no store's own.
      .replaceAll('DATA_TYPE_MONGO_BSON', '')
  );
}

describe('the layers', () => {
  it.each([
    'shared',
    'services/source-reader',
    'services/transformer',
    'services/target-writer',
    'services/stats',
  ])('%s has no word of any store', (folder) => {
    const words = /postgres|pgoutput|\bpg_|\bpg\b|mysql|mariadb|mongo|\bctid\b|\bwal\b/i;
    expect(sources(folder).filter((file) => words.test(code(file)))).toEqual([]);
  });

  it('the hub and the package for applications alone import the client of NATS', () => {
    const importing = [...sources('shared'), ...sources('services')].filter((file) =>
      /from 'nats'/.test(code(file)),
    );
    const mayImport = /^shared\/(hub|datasync\/nats)\//;
    expect(importing.filter((file) => !mayImport.test(file))).toEqual([]);
  });

  it('the package for applications imports nothing of Weir', () => {
    const inside = /^(shared\/datasync\/|node:|nats$)/;
    const outside = sources('shared/datasync').flatMap((file) =>
      [...code(file).matchAll(/from '([^']+)'/g)]
        .map(([, name]) => (name!.startsWith('.') ? path.join(path.dirname(file), name!) : name!))
        .filter((target) => !inside.test(target)),
    );
    expect(outside).toEqual([]);
  });

  it('files keep to one concept: half of them under 120 lines, none over 500', () => {
    const lengths = [...sources('shared'), ...sources('services')]
      .map((file) => readFileSync(path.join(ROOT, file), 'utf8').split('\n').length)
      .sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(120);
    expect(lengths.at(-1)).toBeLessThanOrEqual(500);
  });
});
