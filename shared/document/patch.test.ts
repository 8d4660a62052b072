import { BSON, Long } from 'bson';
import { describe, expect, it } from 'vitest';
import { applyPatch, encodePatch, mergePatches, patchSteps } from './patch.ts';

type Fields = Record<string, unknown>;
const patch = (set: Fields, unset: string[] = []): Uint8Array =>
  encodePatch(BSON.serialize(set), unset);
const applied = (document: Fields, ...patches: Uint8Array[]): Fields =>
  BSON.deserialize(
    patches.reduce((bytes, each) => applyPatch(bytes, each), BSON.serialize(document)),
  );

const DOCUMENT = { _id: 1, a: { x: 1, y: { z: 2 } }, list: [1, 2, { k: 'v' }], s: 'text' };

describe('a patch', () => {
  it('sets and removes fields by paths, in documents and arrays, and makes what is missing on the way', () => {
    const change = patch({ 'a.x': 5, 'list.2.k': 'w', 'new.deep': true, s: null }, ['a.y.z', 'no']);
    expect(applied(DOCUMENT, change)).toEqual({
      _id: 1,
      a: { x: 5, y: {} },
      list: [1, 2, { k: 'w' }],
      s: null,
      new: { deep: true },
    });
  });

  it('leaves the place of what it removes from an array', () => {
    expect(applied({ list: [1, 2, 3] }, patch({}, ['list.0', 'list.2']))).toEqual({
      list: [null, 2, null],
    });
  });

  it('goes through a value that is no document by replacing it, so that changes may come twice', () => {
    expect(applied({ s: 'text' }, patch({ 's.a': 1 }))).toEqual({ s: { a: 1 } });
  });

  it('leaves every value that it does not name as it was, to the type', () => {
    const document = BSON.serialize({ a: Long.fromNumber(1), b: new BSON.Double(1), c: 1, d: 0 });
    const changed = applyPatch(document, patch({ d: 0 }));
    expect(Buffer.from(changed)).toEqual(Buffer.from(document));
  });

  it('keeps values of every type of BSON to the byte, those that JavaScript has none for, too', () => {
    const undefinedAndDate = Buffer.concat([
      Buffer.from([0x06, 0x75, 0x00]),
      Buffer.from([0x09, 0x64, 0x00, 0, 0, 0, 0, 0, 0, 0, 0x80]),
      Buffer.from([0x10, 0x31, 0x00, 1, 0, 0, 0]),
    ]);
    const document = Buffer.concat([Buffer.alloc(4), undefinedAndDate, Buffer.alloc(1)]);
    document.writeInt32LE(document.length);
    const changed = Buffer.from(applyPatch(document, encodePatch(document, ['none'])));
    expect(changed).toEqual(document);
    const [step] = patchSteps(mergePatches(encodePatch(document, []), patch({ z: 1 })));
    expect(Buffer.from(step!.set).includes(undefinedAndDate)).toBe(true);
  });

  const patches = [
    patch({ a: { x: 9 } }),
    patch({ 'a.x': 7, 'a.q': [1] }),
    patch({}, ['a']),
    patch({ 'a.b.c': 3 }, ['s', 'list']),
    patch({ s: 'back', 'list.0': 4 }),
    patch({ 'a.b': 1 }, ['a.b.c', 'a.y']),
    patch({}, ['a.b', 'a.q.0', 'new']),
    patch({ new: { deep: { deeper: 1 } } }, ['a.x']),
    patch({ 'new.deep.other': 2 }, ['new.deep.deeper']),
  ];

  it('merged with a later one does what both do, whichever they are', () => {
    for (const first of patches)
      for (const second of patches)
        for (const third of patches) {
          const merged = mergePatches(mergePatches(first, second), third);
          expect(applied(DOCUMENT, merged)).toEqual(applied(DOCUMENT, first, second, third));
        }
  });
});
