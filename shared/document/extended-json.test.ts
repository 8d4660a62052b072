import { BSON as library, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'bson';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../row/canonical/refusal.ts';
import { BSON } from './bson-writer.ts';
import { toExtendedJson } from './extended-json.ts';
import { fromExtendedJson } from './from-extended-json.ts';

const ofDocument = (document: Uint8Array): string =>
  toExtendedJson({
    type: BSON.document,
    bytes: Buffer.from(document),
    from: 0,
    to: document.length,
  });

describe('Extended JSON', () => {
  it('is what others write of a document, too', () => {
    const bytes = library.serialize({
      ...{ a: new Int32(-1), b: Long.MAX_VALUE, c: new Double(1e25), d: new Double(-0), e: new Double(NaN) },
      ...{ f: new Double(0.1), g: Decimal128.fromString('1.10'), h: new ObjectId('0123456789abcdef01234567') },
      ...{ i: new Date(-5), j: new Timestamp({ t: 4_000_000_000, i: 7 }), k: [true, null, { x: 'ü"\n' }] },
      ...{ l: new library.Binary(Buffer.from('00ff', 'hex'), 4), m: new library.BSONRegExp('a"', 'i') },
      ...{ n: new library.Code('f()', { y: 1 }), o: new library.MinKey(), p: new library.BSONSymbol('s') },
    });
    const exact = { promoteValues: false, promoteLongs: false, bsonRegExp: true };
    const read = library.deserialize(bytes, exact);
    expect(JSON.parse(ofDocument(bytes))).toEqual(JSON.parse(library.EJSON.stringify(read, { relaxed: false })));
    expect(fromExtendedJson(ofDocument(bytes))).toEqual(Buffer.from(bytes));
  });

  it('that people write is understood: plain numbers and instants, and UUIDs', () => {
    const text = '{"a":1,"b":3000000000,"c":1.5,"d":{"$date":"1970-01-01T00:00:00.005Z"},"e":{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"}}';
    expect(library.EJSON.stringify(library.deserialize(fromExtendedJson(text), { promoteValues: false }), { relaxed: false })).toBe(
      '{"a":{"$numberInt":"1"},"b":{"$numberLong":"3000000000"},"c":{"$numberDouble":"1.5"},"d":{"$date":{"$numberLong":"5"}},"e":{"$binary":{"base64":"ABEiM0RVZneImaq7zN3u/w==","subType":"04"}}}',
    );
  });

  it.each([
    ['has the names of a value', { v: { $oid: 'x' } }, /names that Extended JSON has/],
    ['has them in an array', { v: [{ $date: 1 }] }, /names that Extended JSON has/],
  ])('has no form for a document that %s', (_, document, reason) => {
    expect(() => ofDocument(library.serialize(document))).toThrow(reason);
  });

  it.each([
    '[]', '1', '{"$oid":"0123456789abcdef01234567"}', '{"v":{"$oid":"0123"}}', '{"v":{"$numberInt":"3000000000"}}', '{"v":{"$numberInt":1}}',
    '{"v":{"$numberLong":"1.5"}}', '{"v":{"$numberDouble":"much"}}', '{"v":{"$numberDecimal":"x"}}', '{"v":{"$date":"soon"}}', '{"v":{"$binary":{"base64":"*","subType":"0"}}}',
    '{"v":{"$timestamp":{"t":-1,"i":0}}}', '{"v":{"$code":"f","$scope":1}}', '{"v":{"$regularExpression":{"pattern":"a"}}}', '{"v":',
  ])('%s is refused', (text) => {
    expect(() => fromExtendedJson(text)).toThrow(Refusal);
  });
}); // prettier-ignore
