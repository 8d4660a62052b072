import { describe, expect, it } from 'vitest';
import { columnOffsets, fillUnchanged, hasUnchanged, keyOf, toTuple } from './tuple.ts';

describe('a tuple', () => {
  it('keeps null, empty and unchanged apart', () => {
    expect(toTuple(['', null, undefined]).toString('hex')).toBe(
      '0003' + '00000000' + 'ffffffff' + 'fffffffe',
    );
  });

  it('tells where each column begins', () => {
    expect(columnOffsets(toTuple(['ab', null, 'c']))).toEqual([2, 8, 12, 17]);
  });

  it('takes unchanged columns from the row before', () => {
    const filled = fillUnchanged(toTuple(['1', undefined, null]), toTuple(['0', 'big', 'x']));
    expect(filled).toEqual(toTuple(['1', 'big', null]));
    expect(hasUnchanged(filled)).toBe(false);
  });

  it('stays unchanged where the row before does not know the value either', () => {
    expect(hasUnchanged(fillUnchanged(toTuple([undefined]), toTuple([undefined])))).toBe(true);
  });

  it('gives its key column by column, in the order of the key', () => {
    expect(keyOf(toTuple(['a', 'bc', 'd']), [2, 0]).toString('latin1')).toBe(
      '\0\0\0\x01d\0\0\0\x01a',
    );
  });
});
