import { Binary, BSON, Decimal128, Double, Long, ObjectId, UUID } from 'bson';
import { describe, expect, it } from 'vitest';
import type { Column, Relation } from '../change/relation.ts';
import { keyOf, toTuple } from '../change/tuple.ts';
import { DocumentError } from './document-error.ts';
import { fromDocument, fromId } from './from-document.ts';
import { toDocument, toId } from './to-document.ts';

function relationOf(types: Record<string, string>, key = ['id']): Relation {
  const names = Object.keys(types);
  return {
    namespace: 'shop.item',
    columns: names.map((name) => ({ name, type: types[name]!, encoding: 'text' })),
    key: key.map((name) => names.indexOf(name)),
    identity: 'key',
    order: 'key',
  };
}

const of = (type: string): Relation => relationOf({ id: 'integer', v: type });

/** What an independent reader finds in the document. */
const read = (bytes: Uint8Array): Record<string, unknown> =>
  BSON.deserialize(bytes, { promoteValues: false, promoteBuffers: false });

describe('a row as a document', () => {
  it.each<[string, string, unknown]>([
    ['boolean', 't', true],
    ['smallint', '-32768', -32768],
    ['integer', '2147483647', 2147483647],
    ['bigint', '-9223372036854775808', Long.MIN_VALUE],
    ['double precision', '0.1', 0.1],
    ['double precision', '-0', -0],
    ['double precision', 'NaN', NaN],
    ['double precision', '-Infinity', -Infinity],
    ['real', '1e-45', 1e-45],
    ['real', '3.4028235e+38', 3.4028235e38],
    ['numeric(10,3)', '-1.500', Decimal128.fromString('-1.500')],
    ['numeric(34,0)', '9'.repeat(34), Decimal128.fromString('9'.repeat(34))],
    ['numeric(5,2)', 'NaN', Decimal128.fromString('NaN')],
    ['numeric(34,-10)', '1' + '0'.repeat(40), '1' + '0'.repeat(40)],
    ['numeric(38,2)', '1.50', '1.50'],
    ['numeric', '1.00', '1.00'],
    ['text', 'ünï 🐟\n', 'ünï 🐟\n'],
    ['character(5)', 'ab   ', 'ab   '],
    ['json', '{"b": 1,  "b":2}', '{"b": 1,  "b":2}'],
    ['jsonb', 'null', 'null'],
    ['timestamp(6) with time zone', '0044-03-15 12:00:00.000001+00 BC', null],
    ['interval', '1 mon -1 days +00:00:00.000001', null],
    ['uuid', '00112233-4455-6677-8899-aabbccddeeff', null],
    ['bytea', '\\x00ff', null],
    ['integer[]', '{}', []],
    [
      'integer[]',
      '{{1,2},{3,NULL}}',
      [
        [1, 2],
        [3, null],
      ],
    ],
    ['integer[]', '[2:3][-1:0]={{1,2},{3,4}}', '[2:3][-1:0]={{1,2},{3,4}}'],
    ['text[]', '{"",NULL,"NULL","a,b","{x}","\\"q\\"","back\\\\slash",🐟}', null],
    ['numeric(20,5)[]', '{NaN,1.00000,NULL}', null],
    ['bytea[]', '{"\\\\x00ff"}', null],
    ['public.mood', `it's "great"`, `it's "great"`],
    ['box[]', '{(1,1),(0,0);(2,2),(1,1)}', '{(1,1),(0,0);(2,2),(1,1)}'],
  ])('holds a %s as it is and gives it back: %s', (type, text, expected) => {
    const relation = of(type);
    const row = toTuple(['7', text]);
    const document = toDocument(relation, row);
    const { v } = read(document);
    if (expected !== null) {
      const plain = v instanceof Double ? v.valueOf() : typeof v === 'object' ? toPlain(v) : v;
      expect(plain).toEqual(expected);
    }
    expect(fromDocument(relation, document)).toEqual(row);
  });

  it('has the types that others expect of bytes, ids and parts of arrays', () => {
    const relation = relationOf({ id: 'uuid', b: 'bytea', n: 'numeric(4,2)[]' });
    const row = toTuple(['00112233-4455-6677-8899-aabbccddeeff', '\\x00ff', '{1.50}']);
    const { _id, b, n } = read(toDocument(relation, row));
    expect(_id).toEqual(new UUID('00112233-4455-6677-8899-aabbccddeeff'));
    expect((b as Binary).buffer).toEqual(Buffer.from([0, 255]));
    expect(n).toEqual([Decimal128.fromString('1.50')]);
  });

  it('has object ids, documents and what only BSON has as they are', () => {
    const columns: Column[] = [
      ...of('text').columns,
      { name: 'o', type: 'x', encoding: 'text', logical: { kind: 'objectId' } },
      { name: 'd', type: 'x', encoding: 'text', logical: { kind: 'document' } },
      {
        ...{ name: 'r', type: 'x', encoding: 'text' },
        logical: { kind: 'other', store: 'bson', name: 'regex' },
      },
    ];
    const relation: Relation = { ...of('text'), columns };
    const regex = '{"$regularExpression":{"pattern":"^a","options":"i"}}';
    const inner = Buffer.from(BSON.serialize({ z: 1, a: [true] }));
    const row = toTuple(['7', 'v', '0123456789abcdef01234567', inner, regex]);
    const document = toDocument(relation, row);
    const { o, d, r } = BSON.deserialize(document, { bsonRegExp: true });
    expect([o, d, r]).toEqual([new ObjectId('0123456789abcdef01234567'), { z: 1, a: [true] }, new BSON.BSONRegExp('^a', 'i')]); // prettier-ignore
    expect(fromDocument(relation, document)).toEqual(row);
    for (const [name, wrong] of [
      ['o', 'none'],
      ['r', '{"$oid":1}'],
    ] as const) {
      const values = ['7', 'v', '0123456789abcdef01234567', inner, regex];
      values[columns.findIndex((column) => column.name === name)] = wrong;
      expect(() => toDocument(relation, toTuple(values))).toThrow(
        `the value of ${name} is none of the type x`,
      );
    }
    expect(() => fromDocument(relation, BSON.serialize({ _id: 7, v: 'v', o: 5, d: {}, r: 1 }))).toThrow(/the field o of the document with _id = \{"\$numberInt":"7"\} is a BSON int32/); // prettier-ignore
  });

  it('keeps null, empty and unchanged apart', () => {
    const relation = relationOf({ id: 'integer', a: 'text', b: 'text', c: 'text' });
    const row = toTuple(['7', null, '', undefined]);
    const document = toDocument(relation, row);
    expect(Object.entries(read(document)).slice(2)).toEqual([
      ['a', null],
      ['b', ''],
    ]);
    expect(fromDocument(relation, document, { absent: 'unchanged' })).toEqual(row);
  });

  it('keeps the order of its columns, whatever their names are', () => {
    const columns = ['z', '2', '1', '__proto__'].map((name) => ({
      ...of('text').columns[1]!,
      name,
    }));
    const relation: Relation = { ...of('text'), columns, key: [2] };
    const document = toDocument(relation, toTuple(['a', 'b', 'c', 'd']));
    const text = Buffer.from(document).toString('latin1');
    const places = ['_id', 'z', '2', '1', '__proto__'].map((name) => text.indexOf(`\x02${name}\0`));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(fromDocument(relation, document)).toEqual(toTuple(['a', 'b', 'c', 'd']));
  });

  it('has as its id the key, of several columns a document in their order', () => {
    const relation = relationOf({ b: 'bigint', v: 'text', a: 'text' }, ['b', 'a']);
    const row = toTuple(['5', 'x', 'y']);
    const document = toDocument(relation, row);
    const id = toId(relation, keyOf(row, relation.key));
    expect(read(document)['_id']).toEqual({ b: Long.fromNumber(5), a: 'y' });
    expect(id).toMatchObject({ name: '_id', type: 3 });
    expect(Buffer.from(id.data)).toEqual(Buffer.from(BSON.serialize({ b: 5n, a: 'y' })));
    expect(fromId(relation, [id])).toEqual(keyOf(row, relation.key));
  });

  it('is refused without a key, and with an _id that is not the key', () => {
    const keyless = { ...of('text'), key: [], identity: 'row' as const };
    expect(() => toDocument(keyless, toTuple(['1', 'a']))).toThrow(/no key/);
    const other = relationOf({ id: 'integer', _id: 'text' });
    expect(() => toDocument(other, toTuple(['1', 'a']))).toThrow(
      /a column _id that is not its key/,
    );
    const own = relationOf({ _id: 'integer', v: 'text' }, ['_id']);
    const row = toTuple(['1', 'a']);
    expect(fromDocument(own, toDocument(own, row))).toEqual(row);
  });
});

function toPlain(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(toPlain);
  if (v !== null && typeof v === 'object' && v.constructor.name === 'Int32') return Number(v);
  return v;
}

describe('a document that somebody else wrote', () => {
  const take = (type: string, v: unknown): string | null => {
    const relation = of(type);
    const tuple = fromDocument(relation, BSON.serialize({ _id: 7, v }));
    const at = tuple.indexOf(Buffer.from('7')) + 1;
    return tuple.readInt32BE(at) < 0 ? null : tuple.toString('utf8', at + 4);
  };

  it.each<[string, unknown, string | null]>([
    ['bigint', 5, '5'],
    ['bigint', new Double(3), '3'],
    ['smallint', Long.fromNumber(-5), '-5'],
    ['integer', Decimal128.fromString('1.2E+3'), '1200'],
    ['integer', '12', '12'],
    ['numeric(10,2)', new Double(0.1), '0.10'],
    ['numeric(10,2)', 12, '12.00'],
    ['numeric', Long.MAX_VALUE, '9223372036854775807'],
    ['double precision', 3, '3'],
    ['double precision', Decimal128.fromString('0.25'), '0.25'],
    ['timestamp with time zone', new Date(1), '1970-01-01 00:00:00.001+00'],
    ['timestamp without time zone', new Date(-62198755200000), '0002-01-01 00:00:00 BC'],
    ['date', new Date(86_400_000), '1970-01-02'],
    ['text', new ObjectId('0123456789abcdef01234567'), '0123456789abcdef01234567'],
    ['uuid', new Binary(Buffer.alloc(16), 0), '00000000-0000-0000-0000-000000000000'],
    ['jsonb', { a: [1, null, 'x', Long.MAX_VALUE] }, '{"a": [1, null, "x", 9223372036854775807]}'],
    ['jsonb', { d: new Date(5) }, '{"d": {"$date": {"$numberLong": "5"}}}'],
    ['text[]', ['a b', null], '{"a b",NULL}'],
    ['public.positive', 5, '5'],
    ['text', null, null],
  ])('becomes a %s where nothing is lost: %s', (type, v, expected) => {
    expect(take(type, v)).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['integer', Long.fromString('2147483648'), 'value'],
    ['integer', new Double(1.5), 'value'],
    ['bigint', new Double(1e300), 'value'],
    ['bigint', true, 'type'],
    ['numeric(10,2)', new Double(0.125), 'value'],
    ['numeric(10,2)', Decimal128.fromString('1.001'), 'value'],
    ['numeric', 'twelve', 'value'],
    ['double precision', Long.MAX_VALUE, 'value'],
    ['real', new Double(0.123456789), 'value'],
    ['boolean', 1, 'type'],
    ['text', 5, 'type'],
    ['text', 'zero\0byte', 'value'],
    ['date', new Date(1), 'value'],
    ['time without time zone', new Date(1), 'type'],
    ['uuid', new Binary(Buffer.alloc(15), 4), 'value'],
    ['bytea', 'text', 'value'],
    ['integer[]', 5, 'type'],
    ['integer[]', [[1], [1, 2]], 'value'],
    ['integer[]', ['x'], 'value'],
  ])('is refused as a %s where something would be lost: %s', (type, v, problem) => {
    expect(problemOf(() => take(type, v))).toEqual([problem, 'v']);
  });

  function problemOf(work: () => unknown): unknown[] {
    try {
      work();
    } catch (error) {
      if (error instanceof DocumentError) return [error.problem, error.field];
      throw error;
    }
    return [];
  }

  it('is refused by name where a field is missing or has no column, unless that is asked for', () => {
    const relation = relationOf({ id: 'integer', a: 'text', b: 'text' });
    const document = (fields: object): Uint8Array => BSON.serialize({ _id: 7, ...fields });
    expect(problemOf(() => fromDocument(relation, document({ a: 'x' })))).toEqual(['absent', 'b']);
    expect(problemOf(() => fromDocument(relation, document({ a: 'x', c: 1 })))).toEqual([
      'unknown',
      'c',
    ]);
    const row = fromDocument(relation, document({ a: 'x' }), { absent: 'null' });
    expect(row).toEqual(toTuple(['7', 'x', null]));
    const partial = fromDocument(relation, document({}), { absent: 'unchanged', unset: ['b'] });
    expect(partial).toEqual(toTuple(['7', undefined, null]));
    expect(problemOf(() => fromDocument(relation, document({ id: 8, a: '', b: '' })))).toEqual([
      'id',
      'id',
    ]);
    const bytes = Buffer.from(document({ a: 'x', b: 'y' }));
    for (let end = 0; end < bytes.length; end++)
      expect(problemOf(() => fromDocument(relation, bytes.subarray(0, end)))[0]).toBe('damaged');
  });

  it('names its row by one part or by one for each column, and is refused by any other', () => {
    const relation = relationOf({ a: 'integer', b: 'text' }, ['a', 'b']);
    const part = (name: string, v: unknown) => {
      const bytes = BSON.serialize({ v });
      return { name, type: bytes[4]!, data: bytes.subarray(7, bytes.length - 1) };
    };
    const key = keyOf(toTuple(['5', 'x']), [0, 1]);
    expect(fromId(relation, [part('b', 'x'), part('a', 5)])).toEqual(key);
    expect(fromId(relation, [part('_id', { b: 'x', a: 5 })])).toEqual(key);
    for (const id of [[part('a', 5)], [part('_id', 5)], [part('a', 5), part('c', 'x')], []])
      expect(problemOf(() => fromId(relation, id))).toEqual(['id', '_id']);
    const single = relationOf({ a: 'bigint', b: 'text' }, ['a']);
    for (const name of ['', '_id', 'a'])
      expect(fromId(single, [part(name, 5)])).toEqual(keyOf(toTuple(['5', null]), [0]));
  });
});
