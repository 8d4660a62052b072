import { BSONSymbol, Decimal128, Double, Int32, Long, ObjectId, serialize } from 'bson';
import { expect, it } from 'vitest';
import { compileRoute } from '../../change/route.ts';
import {
  documentKeyName,
  documentRelation,
  toDocumentKey,
} from '../../document/document-relation.ts';

const keyOf = (id: unknown): Buffer => toDocumentKey(serialize({ _id: id }));
const decimal = (text: string): Decimal128 => Decimal128.fromString(text);
const name = new ObjectId('65f0a1b2c3d4e5f60718293a');

/** Ids that MongoDB takes for one; those of different lines it tells apart. */
const EQUAL: unknown[][] = [
  [new Int32(1), Long.fromNumber(1), new Double(1), decimal('1'), decimal('1.00'), decimal('10E-1')],
  [new Int32(0), new Double(-0), new Double(0), decimal('0E+3'), decimal('-0.0')],
  [new Int32(-7), Long.fromNumber(-7), decimal('-7')],
  [Long.fromString('9007199254740993'), decimal('9007199254740993'), decimal('9007199254740993.0')],
  [Long.fromString('9007199254740992'), new Double(2 ** 53), decimal('9007199254740992')],
  [Long.fromString('9223372036854775807'), decimal('9223372036854775807')],
  [new Double(0.1)],
  [decimal('0.1'), decimal('0.10')],
  [new Double(0.5), decimal('0.5')],
  [new Double(2 ** 100), decimal('1267650600228229401496703205376')],
  [decimal('1E+6000'), decimal('10E+5999')],
  [decimal('1E-6000')],
  [new Double(NaN), decimal('NaN')],
  [new Double(Infinity), decimal('Infinity')],
  ['1', new BSONSymbol('1')],
  [''],
  [name],
  [null],
  [true],
  [new Date(1)],
  [{ a: new Int32(1), b: 'x' }, { a: new Double(1), b: 'x' }],
  [{ b: 'x', a: new Int32(1) }],
  [[new Int32(1), [Long.fromNumber(2)]], [new Double(1), [decimal('2.0')]]],
  [[new Int32(1), new Int32(2)]],
  [{ '0': new Int32(1), '1': new Int32(2) }],
  ['x'.repeat(100_000)],
]; // prettier-ignore

it('ids have one name and take one lane exactly where they are equal, of whatever types their numbers are', () => {
  const route = compileRoute(documentRelation('a.t'))!;
  const names = EQUAL.map((ids) => {
    const bytes = ids.map((id) => route(keyOf(id)).toString('latin1'));
    expect(new Set(bytes).size, JSON.stringify(ids)).toBe(1);
    expect(new Set(ids.map((id) => documentKeyName(keyOf(id)))).size).toBe(1);
    return documentKeyName(keyOf(ids[0]));
  });
  expect(new Set(names).size).toBe(EQUAL.length);
  expect(new Set(EQUAL.map(([id]) => route(keyOf(id)).toString('latin1'))).size).toBe(EQUAL.length);
});

it('what is no document is its bytes, for whoever writes the row to refuse', () => {
  const broken = serialize({ _id: new Int32(1) });
  broken[4] = 0x55;
  expect(documentKeyName(toDocumentKey(broken))).toBe(Buffer.from(broken).toString('latin1'));
});
