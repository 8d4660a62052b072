import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { queryPostgres, usePostgres } from '../support/servers.ts';
import {
  availableValueTables,
  createValueTables,
  expectValuesEqual,
} from '../support/value-rounds.ts';
import { useWeir } from '../support/weir-process.ts';

const source = usePostgres();
const target = usePostgres();
const weir = useWeir();

it.each(['format=jsonl', 'format=csv&gzip=true&delimiter=%3B'])(
  'postgres: → file: → postgres: brings every value back as it was, with %s',
  async (options) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-files-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const sourceUrl = await source.createDatabase();
    const targetUrl = await target.createDatabase();
    const tables = await availableValueTables(sourceUrl, targetUrl);
    await createValueTables(sourceUrl, tables);
    // What is made of a file has columns and a key; types of one's own must be there.
    await createValueTables(targetUrl, tables);
    for (const { name } of tables) await queryPostgres(targetUrl, `TRUNCATE ${name}`);
    const files = `file:${folder}/out?${options}`;
    for (const [name, from, to] of [
      ['out', sourceUrl, files],
      ['back', files, targetUrl],
    ] as const) {
      const file = path.join(folder, `${name}.yaml`);
      const spec = { name, mode: 'snapshot', source: { url: from }, target: { url: to } };
      // JSON is YAML.
      await writeFile(file, JSON.stringify(spec));
      const { code, stderr } = await weir.run(['run', file]);
      expect(code, stderr).toBe(0);
    }
    await expectValuesEqual({ sourceUrl, targetUrl }, tables);
  },
);
