import { Double, Int32, Long, serialize } from 'bson';
import { describe, expect, it } from 'vitest';
import type { Relation } from '../../shared/change/relation.ts';
import {
  documentRelation,
  toDocumentKey,
  toDocumentRow,
} from '../../shared/document/document-relation.ts';
import { keyOf, toTuple } from '../../shared/change/tuple.ts';
import { Fold, type FoldedChange } from './fold.ts';

const relation = (identity: Relation['identity']): Relation => ({
  namespace: 'public.t',
  columns: [
    { name: 'id', type: 'integer', encoding: 'text' },
    { name: 'v', type: 'text', encoding: 'text' },
  ],
  key: identity === 'key' ? [0] : [],
  identity,
  order: 'key',
});

const NONE = Buffer.alloc(0);

function folding(identity: Relation['identity'] = 'key') {
  const fold = new Fold(relation(identity));
  const toChange = (v: (string | null | undefined)[], row = toTuple(v)) => {
    const key = identity === 'key' ? keyOf(toTuple(v), [0]) : toTuple(v);
    return { key, keyName: key.toString('latin1'), row, partial: v.includes(undefined) };
  };
  return {
    insert: (...v: (string | null | undefined)[]) => fold.add('insert', toChange(v)),
    update: (...v: (string | null | undefined)[]) => fold.add('update', toChange(v)),
    delete: (...v: (string | null)[]) => fold.add('delete', toChange(v, NONE)),
    net: () => {
      const { upserts, partial, deletes } = fold.net();
      return { upserts, partial, deletes };
    },
    fresh: () => fold.net().fresh,
    passed: () => fold.net().passed,
  };
}

describe('folding documents', () => {
  const ids = { int: new Int32(1), long: Long.fromNumber(1), double: new Double(1) };
  const bytesOf = (id: unknown, v?: number): Uint8Array =>
    serialize({ _id: id, ...(v !== undefined && { v }) });
  const change = (id: unknown, v: number): FoldedChange => {
    const key = toDocumentKey(bytesOf(id));
    const row = toDocumentRow(bytesOf(id), bytesOf(id, v));
    return { key, keyName: key.toString('latin1'), row, partial: false };
  };

  it('takes ids that are equal for one key, whatever the types of their numbers', () => {
    const fold = new Fold(documentRelation('a.t'));
    fold.add('update', change(ids.int, 1));
    fold.add('update', change(ids.long, 2));
    fold.add('insert', change(new Int32(2), 0));
    fold.add('update', change(ids.int, 3));
    expect(fold.net().upserts).toEqual([change(new Int32(2), 0).row, change(ids.int, 3).row]);
    fold.add('delete', change(ids.double, 0));
    expect(fold.net()).toMatchObject({
      upserts: [change(new Int32(2), 0).row],
      deletes: [change(ids.double, 0).key],
    });
  });
});

describe('folding by key', () => {
  it('keeps the last state of each key', () => {
    const changes = folding();
    changes.insert('1', 'a');
    changes.update('1', 'b');
    changes.insert('2', 'x');
    changes.delete('2', null);
    expect(changes.net()).toEqual({
      upserts: [toTuple(['1', 'b'])],
      partial: [],
      deletes: [keyOf(toTuple(['2']), [0])],
    });
  });

  it('takes a row that was deleted and came back as it came back', () => {
    const changes = folding();
    changes.delete('1', null);
    changes.insert('1', 'new');
    expect(changes.net()).toEqual({ upserts: [toTuple(['1', 'new'])], partial: [], deletes: [] });
  });

  it('puts rows first whose keys came into being, and says how many they are', () => {
    const changes = folding();
    changes.update('1', 'known');
    changes.insert('2', 'new');
    changes.insert('3', 'new, and gone');
    changes.delete('3', null);
    changes.delete('4', null);
    changes.insert('4', 'back');
    changes.insert('5', 'new');
    changes.update('5', undefined);
    expect(changes.fresh()).toBe(2);
    expect(changes.net().upserts).toEqual(
      [
        ['2', 'new'],
        ['5', 'new'],
        ['1', 'known'],
        ['4', 'back'],
      ].map(toTuple),
    );
  });

  it('fills an unchanged value from an earlier change of the same key', () => {
    const changes = folding();
    changes.insert('1', 'large');
    changes.update('1', undefined);
    expect(changes.net().upserts).toEqual([toTuple(['1', 'large'])]);
  });

  it('leaves an unchanged value to the target where no earlier change has it', () => {
    const changes = folding();
    changes.update('1', undefined);
    changes.update('1', undefined);
    expect(changes.net()).toEqual({
      upserts: [],
      partial: [toTuple(['1', undefined])],
      deletes: [],
    });
  });

  it('puts deletes last of keys that came into being, and says how many they are', () => {
    const changes = folding();
    changes.insert('1', 'a');
    changes.delete('1', null);
    changes.delete('2', null);
    changes.insert('2', 'back');
    changes.delete('2', null);
    const [known, passed] = [keyOf(toTuple(['2']), [0]), keyOf(toTuple(['1']), [0])];
    expect(changes.net().deletes).toEqual([known, passed]);
    expect(changes.passed()).toBe(1);
  });

  it('needs the target no more once the value was set', () => {
    const changes = folding();
    changes.update('1', undefined);
    changes.update('1', 'set');
    changes.update('1', undefined);
    expect(changes.net()).toEqual({ upserts: [toTuple(['1', 'set'])], partial: [], deletes: [] });
  });
});

describe('folding equal rows', () => {
  it('counts them, because which of two equal rows goes does not matter', () => {
    const changes = folding('row');
    changes.insert('1', 'a');
    changes.insert('1', 'a');
    changes.delete('1', 'a');
    changes.delete('2', 'b');
    changes.delete('2', 'b');
    expect(changes.net()).toEqual({
      upserts: [toTuple(['1', 'a'])],
      partial: [],
      deletes: [toTuple(['2', 'b']), toTuple(['2', 'b'])],
    });
  });
});

describe('folding without identity', () => {
  it('keeps every insert', () => {
    const changes = folding('none');
    changes.insert('1', 'a');
    changes.insert('1', 'a');
    expect(changes.net().upserts).toHaveLength(2);
  });
});
