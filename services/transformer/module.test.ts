import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BSON, Decimal128, type Document, Double, Int32, Long, ObjectId } from 'bson';
import { expect, it, onTestFinished } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import { idOfDocument } from '../../shared/document/document-id.ts';
import {
  documentRelation,
  fromDocumentRow,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { type Chain, compileChain } from './chain.ts';
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

async function chainOf(code: string, settings: object, of = relation): Promise<Chain> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-module-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'transform.mjs');
  await writeFile(file, code);
  const { steps, problems } = readTransforms([{ module: { file, ...settings } }]);
  expect(problems).toEqual([]);
  return compileChain(steps, of, { env: {} })!;
}

async function run(code: string, settings: object, rows: Row[]): Promise<Row[]> {
  await (await chainOf(code, settings)).run(rows);
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

const many = (): Row[] => Array.from({ length: 200 }, (_, i) => row(String(i), '0', 'a'));

it('a module that never ends is ended, for the row alone that it does not end with', async () => {
  const code =
    'export default (row) => { while (row.id === 100n); return { ...row, note: `${row.id}` }; }';
  const rows = await run(code, { timeout: '1s' }, many());
  const [stuck] = rows.splice(100, 1);
  expect(stuck!.failure).toMatch(/took longer than 1000 ms/);
  expect(rows.every(({ failure }) => failure === null)).toBe(true);
  expect(rows.every((each) => textsOf(each)[2] === textsOf(each)[0])).toBe(true);
});

it('a module that waits gets one row after the other', async () => {
  const code = `let isBusy = false;
    export default async (row) => {
      if (isBusy) throw new Error();
      isBusy = true;
      await new Promise(setImmediate);
      isBusy = false;
      return row;
    };`;
  const rows = await run(code, {}, many());
  expect(rows.every(({ failure }) => failure === null)).toBe(true);
});

it('a file that is no module of that kind ends the pipeline with its name', async () => {
  await expect(run('export const x = 1', {}, [row('1', '0', 'a')])).rejects.toThrow(
    /transform\.mjs cannot be used: the module has no function as its default export/,
  );
});

async function runDocument(code: string, document: Document): Promise<[Row, Document | null]> {
  const chain = await chainOf(`export default ${code}`, {}, documentRelation('a.t'));
  const { form } = chain;
  const bytes = Buffer.from(BSON.serialize(document));
  const row = form.read('copy', toDocumentRow(idOfDocument(bytes)!, bytes), false);
  await chain.run([row]);
  if (row.dropped || row.failure !== null) return [row, null];
  const made = fromDocumentRow(form.write(row)).document;
  return [row, BSON.deserialize(made, { promoteValues: false })];
}

it('a module gets a document as JavaScript has it, and what it leaves alone keeps the type that it had', async () => {
  const document = {
    _id: new ObjectId(),
    ratio: new Double(2),
    big: Long.fromString('9007199254740993'),
    price: Decimal128.fromString('1.10'),
    at: new Date(5),
    list: [new Double(1), new Int32(1), { deep: new Double(3), name: 'x' }],
    gone: 1,
  };
  const code = `({ gone, ...row }) => {
    row.list[2].name += row.ratio + 1;
    row.list[2].more = row.at.getTime();
    row.ratio = row.ratio + 3;
    row.sum = row.big + 1n;
    return row;
  }`;
  const [, made] = await runDocument(code, document);
  expect(made).toEqual(
    BSON.deserialize(
      BSON.serialize({
        _id: document._id,
        ratio: new Double(5),
        big: document.big,
        price: document.price,
        at: document.at,
        list: [new Double(1), new Int32(1), { deep: new Double(3), name: 'x3', more: 5 }],
        sum: Long.fromString('9007199254740994'),
      }),
      { promoteValues: false },
    ),
  );
  expect((await runDocument('() => null', document))[0].dropped).toBe(true);
});

it.each<[string, string, RegExp]>([
  ['changes _id', '(row) => ({ ...row, _id: 8 })', /it changed _id/],
  ['gives back no document', '() => 7', /the module threw TypeError/],
  ['throws', '(row) => { throw new RangeError(row.name); }', /the module threw RangeError/],
])('a module that %s fails for that document', async (_, code, reason) => {
  const [row] = await runDocument(code, { _id: 7, name: 'SECRET' });
  expect(row.failure).toMatch(reason);
  expect(row.failure).not.toContain('SECRET');
});
