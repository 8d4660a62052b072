import { describe, expect, it, beforeAll } from 'vitest';
import { dumpTables } from '../support/psql.ts';
import { queryPostgres, usePostgres, useTargetPostgres } from '../support/servers.ts';
import { createPipeline, type TestPipeline } from '../support/shop-pipeline.ts';
import {
  availableValueTables,
  changeValues,
  createValueTables,
  expectValuesEqual,
} from '../support/value-rounds.ts';
import { useWeir } from '../support/weir-process.ts';
import type { ValueTable } from './value-tables.ts';

const source = usePostgres();
const target = useTargetPostgres();
const weir = useWeir();

/** Copies, then follows the same values inserted, updated and deleted. */
async function copyAndFollow(pipeline: TestPipeline, tables: readonly ValueTable[]): Promise<void> {
  await createValueTables(pipeline.sourceUrl, tables);
  const copied = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(copied.code, copied.stderr).toBe(0);
  await expectValuesEqual(pipeline, tables);

  await changeValues(pipeline.sourceUrl, tables);
  const followed = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
  expect(followed.code, followed.stderr).toBe(0);
  await expectValuesEqual(pipeline, tables);
  const verified = await weir.run(['verify', pipeline.file]);
  expect(verified.code, verified.stdout).toBe(0);
}

describe('values arrive as they were', () => {
  let tables: ValueTable[] = [];
  beforeAll(async () => {
    tables = await availableValueTables(source.url, target.url);
  });

  it('of every type, copied and followed, where some types force the stream into text', async () => {
    const pipeline = await createPipeline(source, target);
    await copyAndFollow(pipeline, tables);
  });

  it('of every type that is safe in binary, with the stream in binary', async () => {
    const pipeline = await createPipeline(source, target);
    const safe = tables.filter(
      ({ name, types }) =>
        types === undefined && !/enum|domain|composite|range|reg|hstore|citext|snapshot/.test(name),
    );
    await copyAndFollow(pipeline, safe);
  });
});

describe('rows are told apart', () => {
  const KEYS: Record<string, string[]> = {
    smallint: ['-1', '0', '1'],
    bigint: ['9007199254740993', '9007199254740992', '-1'],
    numeric: ['1.0', '2', "'NaN'"],
    'double precision': ["'-0'", '0.1', "'NaN'"],
    text: ["''", "' '", "'ünï'", "E'tab\\t'"],
    'char(4)': ["'a'", "'b   '"],
    uuid: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    bytea: ["''", "'\\x00'", "'\\xff'"],
    date: ["'infinity'", "'0001-01-01 BC'"],
    timestamptz: ["'infinity'", "'2024-01-01 00:00:00.000001+00'"],
    interval: ["'1 day'", "'25 hours'"],
    boolean: ['true', 'false'],
    inet: ["'10.0.0.1'", "'10.0.0.1/8'"],
    'integer[]': ["'{}'", "'{1,NULL}'"],
    jsonb: ["'null'", `'{"a":1}'`],
    int4range: ["'empty'", "'[1,5)'"],
  };

  it('by keys of every type: each updated, deleted, changed to another and to an equal one', async () => {
    const pipeline = await createPipeline(source, target);
    const tables = Object.entries(KEYS).map(([type, keys], i) => ({ name: `k${i}`, type, keys }));
    for (const { name, type, keys } of tables)
      await queryPostgres(
        pipeline.sourceUrl,
        `CREATE TABLE ${name} (k ${type} PRIMARY KEY, n integer, large text);
         ALTER TABLE ${name} ALTER large SET STORAGE EXTERNAL;
         ${keys.map((key) => `INSERT INTO ${name} VALUES (${key}, 0, repeat(md5('${name}'), 200));`).join('')}`,
      );
    const copied = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(copied.code, copied.stderr).toBe(0);
    for (const { name, keys } of tables)
      await queryPostgres(
        pipeline.sourceUrl,
        `UPDATE ${name} SET n = n + 1;
         DELETE FROM ${name} WHERE k = ${keys[0]};
         INSERT INTO ${name} VALUES (${keys[0]}, 10, 'short');
         UPDATE ${name} SET n = 20 WHERE k = ${keys[0]};
         DELETE FROM ${name} WHERE k = ${keys[0]};
         UPDATE ${name} SET k = ${keys[0]} WHERE k = ${keys[1]};`,
      );
    // Equal to the old key but not the same.
    await queryPostgres(
      pipeline.sourceUrl,
      `UPDATE k2 SET k = 1.000 WHERE k = 1; UPDATE k10 SET k = '24 hours' WHERE k = '1 day'`,
    );
    const followed = await weir.run(['run', pipeline.file, '--until', 'caught-up']);
    expect(followed.code, followed.stderr).toBe(0);
    const names = tables.map(({ name }) => name);
    const left = await dumpTables(pipeline.sourceUrl, names);
    const right = await dumpTables(pipeline.targetUrl, names);
    for (const [i, { type }] of tables.entries()) expect(right[i], type).toEqual(left[i]);
  });
});
