import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import { compileChain } from './chain.ts';
import { readTransforms } from './read-transforms.ts';
import { createRow, type Row } from './row.ts';

const relation: Relation = {
  namespace: 'a.t',
  columns: [
    { name: 'id', type: 'bigint', encoding: 'text' },
    { name: 'ratio', type: 'double precision', encoding: 'text' },
    { name: 'note', type: 'text', encoding: 'text' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

async function run(code: string, settings: object, rows: Row[]): Promise<Row[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-module-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'transform.mjs');
  await writeFile(file, code);
  const { steps, problems } = readTransforms([{ module: { file, ...settings } }]);
  expect(problems).toEqual([]);
  await compileChain(steps, relation, { env: {} })!.run(rows);
  return rows;
}

const row = (...texts: string[]): Row =>
  createRow(
    'copy',
    texts.map((text) => Buffer.from(text)),
  );
const textsOf = ({ values }: Row) => values.map((value) => value?.toString() ?? value);

it('a module changes rows, adds fields that it says, and leaves rows out; what it leaves alone stays as it was written', async () => {
  const code = `export default (row, { namespace }) =>
    row.id > 2n ? null : { ...row, note: row.note.toUpperCase(), length: BigInt(row.note.length), from: namespace };`;
  const settings = { returns: { length: 'integer', from: 'text' } };
  const rows = await run(code, settings, [row('1', '1e+20', 'ab'), row('3', '0.5', 'c')]);
  expect(textsOf(rows[0]!)).toEqual(['1', '1e+20', 'AB', '2', 'a.t']);
  expect(rows[1]!.dropped).toBe(true);
});

it.each<[string, string, RegExp]>([
  [
    'throws',
    '(row) => { throw new TypeError(row.note); }',
    /^step 1 \(module\): the module threw TypeError$/,
  ],
  ['changes the key', '(row) => ({ ...row, id: 9n })', /changed id, which is in the key/],
  ['forgets a field', '({ id, ratio }) => ({ id, ratio })', /gave back no note/],
  ['adds a field without saying so', '(row) => ({ ...row, x: 1 })', /does not say \(returns\): x/],
  [
    'gives another type',
    '(row) => ({ ...row, ratio: "many" })',
    /for ratio that is no double precision/,
  ],
])(
  'a module that %s fails for that row, without a value in the reason',
  async (_, code, reason) => {
    const [failed] = await run(`export default ${code}`, {}, [row('1', '0.5', 'SECRET')]);
    expect(failed!.failure).toMatch(reason);
    expect(failed!.failure).not.toContain('SECRET');
  },
);

it('a module that never ends is ended, for the row alone that it does not end with', async () => {
  const code = 'export default (row) => { while (row.id === 2n); return row; }';
  const rows = await run(code, { timeout: '1s' }, [
    row('1', '0', 'a'),
    row('2', '0', 'b'),
    row('3', '0', 'c'),
  ]);
  expect(rows.map(({ failure }) => failure)).toEqual([
    null,
    expect.stringMatching(/took longer than 1000 ms/),
    null,
  ]);
});

it('a file that is no module of that kind ends the pipeline with its name', async () => {
  await expect(run('export const x = 1', {}, [row('1', '0', 'a')])).rejects.toThrow(
    /transform\.mjs cannot be used: the module has no function as its default export/,
  );
});
