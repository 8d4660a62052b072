import { createHash } from 'node:crypto';
import { Binary, BSON, Decimal128, type Document, Double, Int32, Long, ObjectId, UUID } from 'bson';
import { describe, expect, it } from 'vitest';
import { idOfDocument, toDocumentId } from '../../shared/document/document-id.ts';
import {
  documentRelation,
  fromDocumentKey,
  fromDocumentRow,
  toDocumentKey,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { patchSteps, encodePatch } from '../../shared/document/patch.ts';
import { type Chain, compileChain } from './chain.ts';
import { ChainMismatch } from './chain-mismatch.ts';
import { readTransforms } from './read-transforms.ts';
import type { Row } from './row.ts';

const EXACT = { promoteValues: false, bsonRegExp: true } as const;
const KEY = 'sixteen bytes of key';
const relation = documentRelation('shop.items');

function chainOf(...list: unknown[]): Chain {
  const { steps, problems } = readTransforms(list);
  expect(problems).toEqual([]);
  return compileChain(steps, relation, { env: { TOKEN_KEY: KEY } })!;
}

const problemsOf = (...list: unknown[]): string => {
  try {
    chainOf(...list);
  } catch (error) {
    if (error instanceof ChainMismatch) return error.message;
    throw error;
  }
  return '';
};

/** Every type that BSON has, some of them twice. */
const whole = (): Document => ({
  _id: new ObjectId('65f0c0ffee00112233445566'),
  one: new Int32(1),
  onePointZero: new Double(1),
  long: Long.fromString('9007199254740993'),
  price: Decimal128.fromString('1.10'),
  name: 'gärtner',
  nothing: null,
  at: new Date(1_700_000_000_123),
  bytes: new Binary(Buffer.from('00ff', 'hex')),
  uuid: new UUID('0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f'),
  pattern: new BSON.BSONRegExp('^a', 'i'),
  stamp: new BSON.Timestamp({ t: 1, i: 2 }),
  least: new BSON.MinKey(),
  yes: true,
  '': 'nameless',
  address: { city: 'Köln', zip: new Int32(50667), lines: ['a', null, new Double(2)] },
});

const bytesOf = (document: Document): Buffer => Buffer.from(BSON.serialize(document));
const rowOf = (document: Buffer): Buffer => toDocumentRow(idOfDocument(document)!, document);

async function run(chain: Chain, document: Document, kind: Row['kind'] = 'copy') {
  const row = chain.form.read(kind, rowOf(bytesOf(document)), false);
  await chain.run([row]);
  const { dropped, failure } = row;
  if (failure !== null || dropped) return { row, dropped, failure, after: {} as Document };
  const made = fromDocumentRow(chain.form.write(row));
  const after = BSON.deserialize(made.document, EXACT);
  return { row, dropped, failure, after, bytes: made.document, id: made.id };
}

async function patch(chain: Chain, set: Document, unset: string[] = [], id: unknown = 7) {
  const parts = idOfDocument(bytesOf({ _id: id }))!;
  const tuple = toDocumentRow(parts, encodePatch(bytesOf(set), unset));
  const row = chain.form.read('update', tuple, true);
  await chain.run([row]);
  if (row.failure !== null || row.dropped) return { failure: row.failure, dropped: row.dropped };
  const [step] = patchSteps(fromDocumentRow(chain.form.write(row)).document);
  const { unset: removed, set: fields } = step!;
  const made = { set: BSON.deserialize(fields, EXACT), unset: removed };
  return { failure: null, dropped: false, partial: chain.form.isPartial(row), ...made };
}

const sha256 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe('a document', () => {
  it('that no step changes is the same bytes: every type, the order of fields, null and missing', async () => {
    const chain = chainOf(
      { drop: ['notThere'] },
      { rename: { alsoNot: 'there' } },
      { redact: ['neither'] },
      { hash: ['nor', 'this'] },
      { truncate: { name: 100 } },
      { cast: { yes: 'boolean' } },
      { filter: 'row.one == 1 && !has(row.gone) && row.nothing == null' },
    );
    const { bytes, failure } = await run(chain, whole());
    expect(failure).toBeNull();
    expect(bytes?.equals(bytesOf(whole()))).toBe(true);
    const late = { one: 1, name: 'x', _id: 5 };
    expect((await run(chain, { ...late, nothing: null, yes: true })).bytes).toEqual(
      bytesOf({ ...late, nothing: null, yes: true }),
    );
  });

  it('of another id than _id, and one without an _id, stays what it is', async () => {
    const chain = chainOf({ redact: ['name'] });
    const id = toDocumentId([{ name: 'shop', type: 0x10, data: Buffer.from([1, 0, 0, 0]) }]);
    const document = bytesOf({ shop: new Int32(1), name: 'x' });
    const row = chain.form.read('update', toDocumentRow(id, document), false);
    await chain.run([row]);
    const made = fromDocumentRow(chain.form.write(row));
    expect(made.id).toEqual(id);
    expect(made.document).toEqual(bytesOf({ shop: new Int32(1), name: null }));
    for (const step of [
      { redact: ['shop'] },
      { drop: ['shop'] },
      { keep: ['_id', 'name'] },
      { hash: ['shop'] },
    ]) {
      const changing = chainOf(step);
      const other = changing.form.read('update', toDocumentRow(id, document), false);
      await changing.run([other]);
      expect(other.failure).toMatch(/shop, which is in the id/);
    }
  });
});

describe('each step on documents', () => {
  const base = (): Document => ({ _id: 7, a: 'text', b: new Int32(5), c: { d: new Double(1) } });
  it.each<[string, unknown, Document]>([
    ['keep', { keep: ['c', '_id'] }, { _id: 7, c: { d: new Double(1) } }],
    ['drop', { drop: ['c', 'z'] }, { _id: 7, a: 'text', b: 5 }],
    [
      'rename',
      { rename: { a: 'z', z: 'y' } },
      { _id: 7, z: 'text', b: 5, c: { d: new Double(1) } },
    ],
    [
      'rename both',
      { rename: { a: 'b', b: 'a' } },
      { _id: 7, b: 'text', a: 5, c: { d: new Double(1) } },
    ],
    ['redact', { redact: ['c', 'z'] }, { _id: 7, a: 'text', b: 5, c: null }],
    ['redact with text', { redact: { b: '***' } }, { ...base(), b: '***' }],
    ['truncate', { truncate: { a: 2, z: 1 } }, { ...base(), a: 'te' }],
    ['hash', { hash: ['a'] }, { ...base(), a: sha256('text') }],
    ['set a constant', { set: { b: 'x', z: true } }, { ...base(), b: 'x', z: true }],
    ['set a number', { set: { z: 5 } }, { ...base(), z: 5n }],
    ['set a type', { set: { z: { value: 5, type: 'integer' } } }, { ...base(), z: 5 }],
    ['set null', { set: { b: { value: null } } }, { ...base(), b: null }],
    [
      'set a field as it is',
      { set: { z: { cel: 'row.c' } } },
      { ...base(), z: { d: new Double(1) } },
    ],
    ['set an expression', { set: { z: { cel: 'row.b + 1' } } }, { ...base(), z: 6n }],
    [
      'set a map',
      { set: { z: { cel: '{"in": [row.c.d, 2.0]}' } } },
      { ...base(), z: { in: [new Double(1), new Double(2)] } },
    ],
    ['cast to text', { cast: { b: 'text' } }, { ...base(), b: '5' }],
    ['cast to a larger one', { cast: { b: 'bigint' } }, { ...base(), b: 5n }],
    [
      'cast to a decimal',
      { cast: { b: 'numeric(12,2)' } },
      { ...base(), b: Decimal128.fromString('5.00') },
    ],
  ])('%s', async (_, step, expected) => {
    const { bytes, failure } = await run(chainOf(step), base());
    expect(failure).toBeNull();
    expect(BSON.deserialize(bytes!, EXACT)).toEqual(BSON.deserialize(bytesOf(expected), EXACT));
    expect(Object.keys(BSON.deserialize(bytes!))).toEqual(Object.keys(expected));
  });

  it('one after the other sees what those before it have made', async () => {
    const chain = chainOf(
      { rename: { a: 'title' } },
      { set: { a: { cel: 'row.title + "!"' } } },
      { drop: ['title'] },
      { filter: 'row.a == "text!"' },
    );
    const { after, dropped } = await run(chain, base());
    expect(dropped).toBe(false);
    expect(Object.keys(after)).toEqual(['_id', 'b', 'c', 'a']);
  });

  it('filter looks into embedded documents, and asks with has() whether a field is there', async () => {
    const chain = chainOf({ filter: 'has(row.c) && row.c.d > 0.5' });
    expect((await run(chain, base())).dropped).toBe(false);
    expect((await run(chain, { _id: 7 })).dropped).toBe(true);
    const { failure } = await run(chainOf({ filter: 'row.z > 1' }), base());
    expect(failure).toMatch(/step 1 \(filter\): the expression failed/);
  });

  it.each<[string, unknown, RegExp]>([
    ['truncate', { truncate: { b: 2 } }, /the value of b is no text/],
    ['cast', { cast: { a: 'integer' } }, /the value of a does not read as integer/],
    ['rename', { rename: { a: 'b' } }, /has a field b already/],
    ['an expression', { filter: 'row.stamp == 1' }, /a BSON type that expressions do not know/],
    ['set', { set: { b: { cel: 'row.a', type: 'integer' } } }, /something that is no integer/],
  ])(
    '%s that cannot be done is a failure of its row and tells no value',
    async (_, step, reason) => {
      const { failure } = await run(chainOf(step), {
        ...base(),
        a: 'SECRET',
        stamp: new BSON.Timestamp({ t: 1, i: 2 }),
      });
      expect(failure).toMatch(reason);
      expect(failure).not.toContain('SECRET');
    },
  );

  it.each<[string, unknown, RegExp]>([
    ['a field inside another', { drop: ['c.d'] }, /names c\.d.*none inside others.*row\.c\.d/],
    ['the row as a whole', { filter: 'size(row) > 1' }, /takes the row as a whole/],
    ['keep without _id', { keep: ['a'] }, /leaves out _id/],
    ['set _id', { set: { _id: 1 } }, /sets _id, which is in the key/],
    ['redact _id', { redact: ['_id'] }, /redacts _id/],
    ['cast _id', { cast: { _id: 'text' } }, /casts _id/],
    ['rename _id', { rename: { _id: 'x' } }, /renames _id/],
    [
      'rows to several namespaces',
      { route: { cel: 'row.a', to: ['x.y'] } },
      /one by one.*rows of tables only/,
    ],
  ])('is refused beforehand: %s', (_, step, message) => {
    expect(problemsOf(step)).toMatch(message);
  });

  it('a field that an earlier step leaves out is refused beforehand', () => {
    expect(problemsOf({ drop: ['a'] }, { hash: ['a'] })).toMatch(/step 2 \(hash\) names a /);
    expect(problemsOf({ keep: ['_id', 'b'] }, { filter: 'row.a' })).toMatch(
      /step 2 \(filter\) names a /,
    );
  });
});

describe('the id', () => {
  it('of a delete becomes the same as that of its document, and values of two types never the same', async () => {
    const chain = chainOf(
      { tokenize: { fields: ['_id'], keyFrom: 'TOKEN_KEY' } },
      { redact: ['a'] },
    );
    const ids: string[] = [];
    for (const _id of [7, '7', Long.fromInt(7), new ObjectId(), { x: 1 }, null]) {
      const { id } = await run(chain, { _id, a: 1 });
      const key = toDocumentKey(idOfDocument(bytesOf({ _id }))!);
      const gone = chain.form.readKey(key);
      await chain.run([gone]);
      expect(gone.failure).toBeNull();
      expect(fromDocumentKey(chain.form.writeKey(gone))).toEqual(id);
      ids.push(id!.toString('hex'));
    }
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('a partial update', () => {
  it('goes through steps that look at single fields, with what it removes', async () => {
    const chain = chainOf(
      { drop: ['gone', 'away'] },
      { rename: { a: 'z', in: 'out', was: 'is' } },
      { hash: ['h'] },
      { redact: ['r'] },
      { set: { always: 'x' } },
    );
    const set = {
      a: 1,
      gone: 2,
      'gone.x': 3,
      h: 'text',
      'in.side': 4,
      'r.deep': 'secret',
      other: 5,
      'some.thing': 6,
    };
    expect(await patch(chain, set, ['away', 'was', 'in.no', 'q.r'])).toMatchObject({
      failure: null,
      partial: true,
      set: {
        z: new Int32(1),
        h: sha256('text'),
        'out.side': new Int32(4),
        r: null,
        other: new Int32(5),
        'some.thing': new Int32(6),
        always: 'x',
      },
      unset: ['out.no', 'q.r', 'is'],
    });
  });

  it('of which nothing goes on changes nothing', async () => {
    expect(await patch(chainOf({ keep: ['_id', 'a'] }), { b: 1 }, ['c'])).toMatchObject({
      set: {},
      unset: [],
    });
  });

  it('leaves unset what follows from what it did not bring, and computes from what it did', async () => {
    const chain = chainOf({ set: { twice: { cel: 'row.n * 2' } } });
    expect(await patch(chain, { m: 1 })).toMatchObject({ set: { m: new Int32(1) } });
    expect(await patch(chain, { n: 4 })).toMatchObject({
      set: { n: new Int32(4), twice: Long.fromInt(8) },
    });
  });

  it.each<[string, unknown, Document, RegExp]>([
    ['hash', { hash: ['a'] }, { 'a.b': 1 }, /changes something inside a/],
    ['filter', { filter: 'row.n > 1' }, { m: 1 }, /reads n, whose value did not come/],
    [
      'two fields',
      { set: { x: { cel: 'row.n + row.m' } } },
      { m: 1 },
      /reads n, whose value did not come/,
    ],
  ])('is a failure where a step needs more: %s', async (_, step, set, reason) => {
    expect((await patch(chainOf(step), set)).failure).toMatch(reason);
  });
});
