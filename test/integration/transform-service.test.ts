import { BSON, type Document, Int32, Long } from 'bson';
import { describe, expect, it } from 'vitest';
import { type Chain, compileChain } from '../../services/transformer/chain.ts';
import { readTransforms } from '../../services/transformer/read-transforms.ts';
import { createRow, type Row } from '../../services/transformer/row.ts';
import type { Relation } from '../../shared/change/relation.ts';
import { idOfDocument } from '../../shared/document/document-id.ts';
import {
  documentRelation,
  fromDocumentRow,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { encodePatch } from '../../shared/document/patch.ts';
import { startTransformPeer, type TransformPeerOptions } from '../support/transform-peer.ts';

const relation: Relation = {
  namespace: 'shop.items',
  columns: [
    { name: 'id', type: 'bigint', encoding: 'text' },
    { name: 'name', type: 'text', encoding: 'text' },
    { name: 'price', type: 'numeric(12,2)', encoding: 'text' },
  ],
  key: [0],
  identity: 'key',
  order: 'key',
};

const row = (kind: Row['kind'], ...texts: (string | undefined)[]): Row =>
  createRow(
    kind,
    texts.map((text) => (text === undefined ? undefined : Buffer.from(text))),
  );
const textsOf = ({ values }: Row) => values.map((value) => value?.toString() ?? value);

async function run(options: TransformPeerOptions, settings: object | null, rows: Row[]) {
  const peer = await startTransformPeer(options);
  const step = settings === null ? peer.url : { grpc: { url: peer.url, ...settings } };
  const { steps, problems } = readTransforms([step]);
  expect(problems).toEqual([]);
  const chain = compileChain(steps, relation, { env: {} })!;
  await chain.run(rows);
  return { ...peer, chain };
}

const shout = (document: Document): Document => ({
  ...document,
  name: String(document['name']).toUpperCase(),
});

describe('a TransformService', () => {
  it('gets rows as documents and gives them back; those that do not come back are left out', async () => {
    const transform = (document: Document): Document | null =>
      document['id'] === 2n ? null : { ...shout(document), score: 7 };
    const rows = [row('copy', '1', 'a', '1.50'), row('copy', '2', 'b', '2.00')];
    const { calls, chain } = await run({ transform }, { returns: { score: 'integer' } }, rows);
    expect(textsOf(rows[0]!)).toEqual(['1', 'A', '1.50', '7']);
    expect(rows.map(({ dropped }) => dropped)).toEqual([false, true]);
    expect(calls).toEqual([{ namespace: 'shop.items', data: 2, updates: 0 }]);
    expect(chain.relation.columns[3]).toMatchObject({ name: 'score', type: 'integer' });
  });

  it('gets changes as updates, of one key one after the other, and deletes not at all', async () => {
    const gone = createRow('delete', [Buffer.from('3'), undefined, undefined], true);
    const rows = [row('insert', '1', 'a', '1.50'), row('update', '1', 'b', '1.50'), gone];
    const { calls } = await run({ transform: shout }, null, rows);
    expect(rows.slice(0, 2).map((each) => textsOf(each)[1])).toEqual(['A', 'B']);
    expect(calls.map(({ updates }) => updates)).toEqual([1, 1]);
    expect(textsOf(gone)).toEqual(['3', undefined, undefined]);
  });

  it('answers with several responses, each for one of the namespaces that the step lists, and none of them twice', async () => {
    const send = ({ id }: Document): string[] =>
      id === 1n ? ['shop.items'] : id === 2n ? ['shop.dear'] : ['shop.dear', 'shop.cheap'];
    const rows = (kind: Row['kind']) => ['1', '2', '3'].map((id) => row(kind, id, 'a', '1.50'));
    for (const kind of ['copy', 'update'] as const) {
      const sent = rows(kind);
      const { chain } = await run({ transform: shout, send }, { to: ['shop.dear', 'shop.cheap'] }, sent); // prettier-ignore
      expect(chain).toMatchObject({ parts: ['shop.dear', 'shop.cheap'], spreads: 'row' });
      expect(sent.map(({ part, failure }) => [part, failure])).toEqual([
        [0, null],
        [1, null],
        [0, expect.stringMatching(/more than one namespace/)],
      ]);
      expect(textsOf(sent[1]!)).toEqual(['2', 'A', '1.50']);
    }
    await expect(run({ transform: shout, send }, {}, rows('copy'))).rejects.toThrow(
      /sent rows of shop\.items to shop\.dear.*say with "to"/,
    );
  });

  it.each<[string, TransformPeerOptions['transform'], RegExp]>([
    ['forgets a field', (document) => ({ ...document, price: undefined }), /does not fit/],
    ['adds a field without saying so', (document) => ({ ...document, more: 1 }), /does not fit/],
    ['changes the key beside _id', (document) => ({ ...document, id: 9n }), /does not fit/],
  ])('that %s fails for that row', async (_, transform, reason) => {
    const rows = [row('copy', '1', 'SECRET', '1.50')];
    await run({ transform }, {}, rows);
    expect(rows[0]!.failure).toMatch(reason);
    expect(rows[0]!.failure).not.toContain('SECRET');
  });

  it('that gives another _id, or takes no BSON, or is away is told as what it is', async () => {
    const rows = () => [row('copy', '1', 'a', '1.50')];
    const other = { transform: (document: Document) => ({ ...document, _id: 5n }) };
    await expect(run(other, {}, rows())).rejects.toMatchObject({ code: 'TRANSFORM_FAILED' });
    const json = { transform: shout, takes: 'DATA_TYPE_JSON_ID' };
    await expect(run(json, {}, rows())).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    const away = { transform: shout, failures: 1 };
    await expect(run(away, {}, rows())).rejects.toMatchObject({ retryable: true });
  });

  it('is not asked about an update that did not bring the whole row', async () => {
    const rows = [row('update', '1', undefined, '1.50')];
    const { calls } = await run({ transform: shout }, {}, rows);
    expect(rows[0]!.failure).toMatch(/did not bring them/);
    expect(calls).toEqual([]);
  });
});

describe('a TransformService for documents', () => {
  const items = documentRelation('shop.items');
  const take = ({ form }: Chain, kind: Row['kind'], document: Document): Row => {
    const bytes = Buffer.from(BSON.serialize(document));
    return form.read(kind, toDocumentRow(idOfDocument(bytes)!, bytes), false);
  };
  const documentIn = ({ form }: Chain, row: Row): Document =>
    BSON.deserialize(fromDocumentRow(form.write(row)).document, { promoteValues: false });

  it('gets them as the steps before it have left them, may give them any fields, and the steps behind it see those', async () => {
    const peer = await startTransformPeer({
      transform: ({ secret, ...document }) =>
        secret === undefined && document['n'] > 1n
          ? { ...document, tags: ['a'], note: 'of the service' }
          : null,
    });
    const { steps } = readTransforms([
      { drop: ['secret'] },
      { rename: { name: 'title' } },
      peer.url,
      { truncate: { note: 2 } },
      { set: { size: { cel: 'size(row.tags)' } } },
    ]);
    const chain = compileChain(steps, items, { env: {} })!;
    const document = { _id: 1, secret: 'x', name: 'y', n: Long.fromInt(2) };
    const rows = [
      take(chain, 'copy', document),
      take(chain, 'update', { ...document, n: Long.fromInt(1) }),
    ];
    await chain.run(rows);
    expect(rows.map(({ failure }) => failure)).toEqual([null, null]);
    expect(documentIn(chain, rows[0]!)).toEqual({
      _id: new Int32(1),
      title: 'y',
      n: Long.fromInt(2),
      tags: ['a'],
      note: 'of',
      size: Long.fromInt(1),
    });
    expect(rows[1]!.dropped).toBe(true);
    expect(peer.calls.map(({ data, updates }) => [data, updates])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(() => compileChain(readTransforms([{ grpc: { url: peer.url, returns: { a: 'text' } } }]).steps, items, { env: {} })).toThrow(/says which fields come back/); // prettier-ignore
  });

  it('is not asked about a partial update', async () => {
    const peer = await startTransformPeer({ transform: (document) => document });
    const chain = compileChain(readTransforms([peer.url]).steps, items, { env: {} })!;
    const id = idOfDocument(BSON.serialize({ _id: 1 }))!;
    const patch = encodePatch(BSON.serialize({ a: 1 }), []);
    const row = chain.form.read('update', toDocumentRow(id, patch), true);
    await chain.run([row]);
    expect(row.failure).toMatch(/brings only what it changes.*whole documents/);
    expect(peer.calls).toEqual([]);
  });
});
